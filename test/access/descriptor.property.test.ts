import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readDescriptor } from "../../src/access/descriptor.ts";
import { holds } from "../../src/access/rules.ts";
import { naiveScopes } from "./naive.ts";
import { facts, treesWith } from "./trees.ts";

const RUNS = { numRuns: 3000 };

it("what is read of a tree grants what the tree says, on the organization and on each stack", () => {
  fc.assert(
    fc.property(treesWith([]), treesWith(["inner"]), facts, (inner, outer, stack) => {
      const included = readDescriptor(inner, () => undefined);
      const grants = readDescriptor(outer, (id) => (id === "inner" ? included : undefined));
      const records = new Map([["inner", inner]]);
      const everywhere = grants.filter(({ rules }) => rules === null).flatMap(({ scopes }) => scopes);
      const here = grants.filter(({ rules }) => rules === null || rules.some((rule) => holds(rule, stack))).flatMap(({ scopes }) => scopes);
      expect(new Set(everywhere)).toEqual(naiveScopes(outer, undefined, records));
      expect(new Set(here)).toEqual(naiveScopes(outer, stack, records));
    }),
    RUNS,
  );
});

import * as fc from "fast-check";
import { expect, it } from "vitest";
import { accessTo } from "../../src/auth/stackRules.ts";
import { type TouchedStack, patternsFor } from "../../src/rightsize/patterns.ts";
import { type StackRule, stackAccesses } from "../../src/tokens/table.ts";

const name = fc.constantFrom("dev", "prod", "Dev", "pr-1", "pr-2", "a.b");
const project = fc.constantFrom("web", "shop", "Web", "infra");
const stack = fc.record({ project, stack: name });
const touchedStack: fc.Arbitrary<TouchedStack> = fc.record({ project, stack: name, access: fc.constantFrom(...stackAccesses) });

/** Two stacks of an organization never have names that differ by case alone. */
const idOf = (one: { project: string; stack: string }) => `${one.project}/${one.stack}`.toLowerCase();
const some = fc.uniqueArray(stack, { selector: idOf, maxLength: 12 });

it("allows what was touched with its access, nothing else that exists, and has no rule too many", () => {
  const counts = { projects: 0, names: 0, mixed: 0 };
  fc.assert(
    fc.property(fc.array(touchedStack, { maxLength: 10 }), some, (touched, others) => {
      const rules = patternsFor(touched, others);
      const needed = new Map<string, StackRule["access"]>();
      for (const one of touched) {
        const known = needed.get(idOf(one)) ?? "read";
        needed.set(
          idOf(one),
          stackAccesses.findLast((access) => access === known || access === one.access)!,
        );
      }
      const allowed = (given: StackRule[]) => touched.every((one) => accessTo(given, one.project, one.stack) === needed.get(idOf(one)));
      expect(allowed(rules)).toBe(true);
      for (const one of others) expect(accessTo(rules, one.project, one.stack)).toBe(needed.get(idOf(one)) ?? "none");
      for (const rule of rules) expect(allowed(rules.filter((other) => other !== rule))).toBe(false);
      expect(rules.length).toBeLessThanOrEqual(needed.size);

      const wide = rules.filter((rule) => rule.stack === "*");
      counts.projects += wide.length;
      counts.names += rules.length - wide.length;
      if (wide.some((rule) => rules.some((other) => other !== rule && other.project.toLowerCase() === rule.project.toLowerCase())))
        counts.mixed++;
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
});

it("names single stacks, and takes a project only when all of its stacks were touched", () => {
  const touched = (path: string, access: StackRule["access"] = "write") => {
    const [of = "", called = ""] = path.split("/");
    return { project: of, stack: called, access };
  };
  const shop = [touched("shop/dev"), touched("shop/prod")];
  expect(patternsFor(shop, shop)).toEqual([{ project: "shop", stack: "*", access: "write" }]);
  expect(patternsFor(shop, [...shop, touched("shop/new")])).toEqual(shop);
  // The proposal names one stack, so that later stacks of the project are not included.
  expect(patternsFor([touched("shop/dev")], [touched("shop/dev")])).toEqual([touched("shop/dev")]);
  // A stack that has been deleted since does not add its whole project.
  expect(patternsFor([touched("shop/gone")], [touched("shop/dev")])).toEqual([touched("shop/gone")]);
  const read = [touched("shop/a", "read"), touched("shop/b", "read"), touched("shop/c")];
  expect(patternsFor(read, read)).toEqual([touched("shop/*", "read"), touched("shop/c")]);
  expect(patternsFor([], shop)).toEqual([]);
});

import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readDescriptor } from "../../src/access/descriptor.ts";
import { isGranted } from "../../src/access/filter.ts";
import { type StackFacts, holds } from "../../src/access/rules.ts";
import { openStore } from "../../src/db/client.ts";
import { organizations } from "../../src/orgs/table.ts";
import { stackTags, stacks } from "../../src/stacks/table.ts";
import type { Tree } from "./naive.ts";
import { facts, scopes, treesWith } from "./trees.ts";

/** This tree always grants a stack, which few of the random trees do. */
const everyStack: Tree = { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] };

it("a list of stacks is filtered as each of them is decided", async () => {
  const { db } = openStore(env);
  await db.insert(organizations).values([
    { id: "acme", name: "acme", displayName: "", createdAt: 0 },
    { id: "globex", name: "globex", displayName: "", createdAt: 0 },
  ]);
  let granted = 0;
  await fc.assert(
    fc.asyncProperty(treesWith([]), fc.uniqueArray(facts, { selector: ({ stackId }) => stackId, minLength: 1 }), async (tree, known) => {
      await write(known);
      const grants = readDescriptor(tree, () => undefined);
      for (const scope of scopes) {
        const rules = grants.flatMap((grant) => (grant.scopes.includes(scope) ? (grant.rules ?? []) : []));
        const found = await db
          .select({ id: stacks.id })
          .from(stacks)
          .where(isGranted([{ orgId: "acme", rules }]));
        const expected = known.filter((one) => rules.some((rule) => holds(rule, one))).map(({ stackId }) => stackId);
        expect(found.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
        granted += expected.length;
        // A rule of another organization grants nothing here, even if it names the stack.
        expect(
          await db
            .select({ id: stacks.id })
            .from(stacks)
            .where(isGranted([{ orgId: "globex", rules }])),
        ).toEqual([]);
      }
    }),
    { numRuns: 60, examples: [[everyStack, [{ stackId: "s1", tags: {} }]]] },
  );
  expect(granted).toBeGreaterThan(0);

  async function write(known: StackFacts[]) {
    await db.delete(stackTags);
    await db.delete(stacks);
    for (const { stackId, tags } of known) {
      await db.insert(stacks).values({ id: stackId, orgId: "acme", project: "p", name: stackId, createdAt: 0 });
      for (const [name, value] of Object.entries(tags)) await db.insert(stackTags).values({ stackId, name, value });
    }
  }
});

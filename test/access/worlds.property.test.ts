import { type SQL, and, sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { isStackGranted } from "../../src/auth/onStack.ts";
import { isPersonOnly, mayAs, membershipIn } from "../../src/auth/policy.ts";
import { visibleTo } from "../../src/auth/visible.ts";
import type { ActorContext } from "../../src/context.ts";
import { batch } from "../../src/db/client.ts";
import { stacks } from "../../src/stacks/table.ts";
import { type Asked, naiveMay } from "./naiveWorld.ts";
import { actorOf, factsOf, newCallers, oneGrant, store, verdictOn, world, write } from "./worlds.ts";

const { worlds: RUNS } = inject("sizes");
const { db } = store;

it(
  "a decision, the filter of a list and the guard agree with a model that is written from the documents",
  { timeout: 7_200_000 },
  async () => {
    const { values } = await newCallers();
    const counts = { allowed: 0, refused: 0, byStack: 0, listed: 0 };
    await fc.assert(
      fc.asyncProperty(world, fc.constantFrom("person", "token", "team"), async (one, caller) => {
        await write(one, values);
        const actor = await actorOf(values[caller]);
        const membership = membershipIn(actor, "acme")!;
        const asked: Asked = { caller, world: one };
        const isInSql = (permission: OrgPermission) =>
          permission.startsWith("stack") && !mayAs(membership, permission) && (actor.kind === "user" || !isPersonOnly(permission));
        const inSql = orgPermissions.filter(isInSql);
        const visible = visibleTo({ actor, now: Date.now(), address: "", country: "" } as ActorContext);
        const [[listed, ...granted], known] = await Promise.all([
          idsWhere([visible, ...inSql.map((permission) => isStackGranted(actor, [membership], permission))]),
          factsOf(actor, membership.org.id, ...one.stacks.map(({ stackId }) => stackId)),
        ]);
        for (const permission of orgPermissions) {
          // A list is open to everyone who may have stacks in it.
          if (permission !== "stack:list")
            expect(verdictOn(actor, permission), `${permission} on the organization`).toBe(naiveMay(asked, permission, undefined));
          const inList = granted[inSql.indexOf(permission)];
          for (const [index, stack] of one.stacks.entries()) {
            const onStack = known[index]!;
            const may = naiveMay(asked, permission, stack);
            expect(verdictOn({ ...actor, onStack }, permission, stack.stackId), `${permission} on ${stack.stackId}`).toBe(may);
            counts[may ? "allowed" : "refused"]++;
            if (!inList) continue;
            expect(inList.includes(stack.stackId), `SQL: ${permission} on ${stack.stackId}`).toBe(
              naiveMay({ ...asked, world: { ...one, limit: null } }, permission, stack),
            );
            if (may) counts.byStack++;
          }
        }
        const expected = one.stacks.filter((stack) => naiveMay(asked, "stack:list", stack)).map(({ stackId }) => stackId);
        expect(listed).toEqual(expected.toSorted());
        counts.listed += expected.length;
      }),
      { numRuns: RUNS, examples: [[oneGrant, "person"]] },
    );
    console.log("worlds of roles, teams and grants:", JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  },
);

/** The stacks for which each condition is true. */
async function idsWhere(conditions: SQL[]): Promise<string[][]> {
  const [first, ...others] = conditions.map((where) =>
    db
      .select({ id: stacks.id })
      .from(stacks)
      .where(and(where, sql`deleted_at IS NULL`))
      .orderBy(stacks.id),
  );
  return (await batch(store, [first!, ...others])).map((rows) => rows.map(({ id }) => id));
}

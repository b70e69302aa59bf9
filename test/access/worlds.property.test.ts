import { and, sql } from "drizzle-orm";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { orgPermissions } from "../../src/access/permissions.ts";
import { isStackGranted } from "../../src/auth/onStack.ts";
import { isPersonOnly, mayAs, membershipIn } from "../../src/auth/policy.ts";
import { visibleTo } from "../../src/auth/visible.ts";
import type { ActorContext } from "../../src/context.ts";
import { stacks } from "../../src/stacks/table.ts";
import { newOrgToken, newTeamToken, newWorld } from "../support/world.ts";
import { type Asked, naiveMay } from "./naiveWorld.ts";
import { actorOf, factsOf, oneGrant, store, verdictOn, world, write } from "./worlds.ts";

const { worlds: RUNS } = inject("sizes");

it(
  "a decision, the filter of a list and the guard agree with a model that is written from the documents",
  { timeout: 7_200_000 },
  async () => {
    const people = await newWorld();
    const values = { person: people.member, token: (await newOrgToken(people, "ci")).tokenValue, team: await newTeamToken("red") };
    const counts = { allowed: 0, refused: 0, byStack: 0, listed: 0 };
    await fc.assert(
      fc.asyncProperty(world, fc.constantFrom("person", "token", "team"), async (one, caller) => {
        await write(one, values);
        const actor = await actorOf(values[caller]);
        const membership = membershipIn(actor, "acme")!;
        const asked: Asked = { caller, world: one };
        const known = await Promise.all(one.stacks.map((stack) => factsOf(actor, membership.org.id, stack.stackId)));
        for (const permission of orgPermissions) {
          // A list is open to everyone who may have stacks in it.
          if (permission !== "stack:list")
            expect(verdictOn(actor, permission), `${permission} on the organization`).toBe(naiveMay(asked, permission, undefined));
          const isInSql =
            permission.startsWith("stack") && !mayAs(membership, permission) && (actor.kind === "user" || !isPersonOnly(permission));
          const granted = isInSql ? await idsWhere(isStackGranted(actor, [membership], permission)) : [];
          for (const [index, stack] of one.stacks.entries()) {
            const onStack = known[index]!;
            const may = naiveMay(asked, permission, stack);
            expect(verdictOn({ ...actor, onStack }, permission, stack.stackId), `${permission} on ${stack.stackId}`).toBe(may);
            counts[may ? "allowed" : "refused"]++;
            if (!isInSql) continue;
            expect(granted.includes(stack.stackId), `SQL: ${permission} on ${stack.stackId}`).toBe(
              naiveMay({ ...asked, world: { ...one, limit: null } }, permission, stack),
            );
            if (may) counts.byStack++;
          }
        }
        const listed = await idsWhere(visibleTo({ actor, now: Date.now(), address: "", country: "" } as ActorContext));
        const expected = one.stacks.filter((stack) => naiveMay(asked, "stack:list", stack)).map(({ stackId }) => stackId);
        expect(listed).toEqual(expected.toSorted());
        counts.listed += listed.length;
      }),
      { numRuns: RUNS, examples: [[oneGrant, "person"]] },
    );
    console.log("worlds of roles, teams and grants:", JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  },
);

const idsWhere = async (where: ReturnType<typeof sql> | undefined) =>
  (
    await store.db
      .select({ id: stacks.id })
      .from(stacks)
      .where(and(where, sql`deleted_at IS NULL`))
      .orderBy(stacks.id)
  ).map(({ id }) => id);

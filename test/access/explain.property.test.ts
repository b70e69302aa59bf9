import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { type Holder, type Source, reasonsFor } from "../../src/auth/explain.ts";
import { decide, membershipIn } from "../../src/auth/policy.ts";
import type { Actor, OrgContext } from "../../src/context.ts";
import { explainAccess, withOwnLimits } from "../../src/explain/explain.ts";
import { listStackAccess } from "../../src/explain/list.ts";
import { readSubject } from "../../src/explain/subject.ts";
import { type NaiveWorld, naiveMay } from "./naiveWorld.ts";
import { TEAMS, actorOf, factsOf, newCallers, oneGrant, store, world, write } from "./worlds.ts";

const { worlds: RUNS } = inject("sizes");
const at = { now: 1000, address: "", country: "", defaultEdition: "enterprise" } as const;

const contextOf = (actor: Actor) =>
  ({ env, store, actor, org: membershipIn(actor, "acme")!.org, now: Date.now() }) as unknown as OrgContext;
const stackOf = (stackName: string) => ({ projectName: "web", stackName });
const nothing = { __type: "PermissionDescriptorAllow", permissions: [] };

const isAllowed = async (actor: Actor, permission: OrgPermission, stackName: string | undefined) => {
  if (stackName === undefined) return decide(actor, permission, "acme", at) === "allowed";
  const [onStack] = await factsOf(actor, membershipIn(actor, "acme")!.org.id, stackName);
  return decide({ ...actor, onStack: onStack! }, permission, "acme", at, stackOf(stackName)) === "allowed";
};

/** The world with only these sources of rights. */
function worldWith(one: NaiveWorld, caller: string, sources: Source[]): NaiveWorld {
  const has = (by: Source["by"], team?: string) =>
    sources.some((s) => s.by === by && (team === undefined || ("team" in s && s.team === team)));
  const isGranted = (grantee: string) =>
    grantee === caller ? has("direct-grant") || has("creator-grant") : TEAMS.includes(grantee) && has("team-grant", grantee);
  return {
    ...one,
    defaultPermission: has("default-permission") ? one.defaultPermission : 0,
    role: has("role") ? one.role : "member",
    custom: has("role") || has("default-permission") ? null : has("custom-role") ? (one.custom ?? one.orgDefault) : nothing,
    orgDefault: null,
    teamRoles: Object.fromEntries(TEAMS.map((team) => [team, has("team-role", team) ? one.teamRoles[team]! : null])),
    grants: one.grants.filter(({ grantee }) => isGranted(grantee)),
  };
}

/** A team token always has the role Member, also in the model. */
const hasRoleForCertain = (caller: string, reasons: Source[]) => caller === "team" && reasons.some(({ by }) => by === "role");

it(
  "an explanation agrees with the decision; each reason is enough alone, and without all of them nothing is",
  { timeout: 7_200_000 },
  async () => {
    const { admin, values } = await newCallers();
    const counts = { allowed: 0, refused: 0, reasons: 0, several: 0 };
    await fc.assert(
      fc.asyncProperty(world, fc.constantFrom("person", "token", "team"), async (one, caller) => {
        await write(one, values);
        const actor = await actorOf(values[caller]);
        const ctx = contextOf(await actorOf(admin));
        const subject = actor.kind === "user" ? { kind: "user" as const, name: "mel" } : { kind: "token" as const, name: actor.token.id };
        for (const stack of [undefined, ...one.stacks]) {
          const read = await readSubject(ctx, subject, stack && stackOf(stack.stackId));
          const holder: Holder = actor.kind === "user" ? withOwnLimits(contextOf(actor), read.holder) : read.holder;
          for (const permission of orgPermissions) {
            const what = `${permission} on ${stack?.stackId ?? "the organization"}`;
            const reasons = reasonsFor(holder, { permission, stack: read.stack, circumstances: at });
            expect(reasons.length > 0, what).toBe(await isAllowed(actor, permission, stack?.stackId));
            counts[reasons.length > 0 ? "allowed" : "refused"]++;
            counts.reasons += reasons.length;
            if (reasons.length > 1) counts.several++;
            // A list is open to everybody who may have stacks in it, and the model does not know that.
            if (reasons.length === 0 || (permission === "stack:list" && !stack)) continue;
            for (const reason of reasons)
              expect(
                naiveMay({ caller, world: worldWith(one, caller, [reason]) }, permission, stack),
                `${what} by ${reason.by} alone`,
              ).toBe(true);
            if (reasons.some(({ by }) => by === "membership") || hasRoleForCertain(caller, reasons)) continue;
            // The default permission is a part of the role Member, so it goes with the role.
            const isRole = reasons.some(({ by }) => by === "role");
            const rest = holder.sources.filter((source) => !reasons.includes(source) && !(isRole && source.by === "default-permission"));
            expect(naiveMay({ caller, world: worldWith(one, caller, rest) }, permission, stack), `${what} without its reasons`).toBe(false);
          }
        }
      }),
      {
        numRuns: RUNS,
        examples: [
          [oneGrant, "person"],
          [severalWays, "person"],
        ],
      },
    );
    console.log("explanations:", JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  },
);

/** A right that the person has in three ways. */
const severalWays: NaiveWorld = {
  ...oneGrant,
  defaultPermission: 102,
  memberOf: ["red"],
  teamRoles: { red: { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] }, blue: null },
};

const stackRights = orgPermissions.filter((permission): permission is Extract<OrgPermission, `stack${string}`> =>
  permission.startsWith("stack"),
);

it("the list of those who have a right on a stack is everybody who is explained to have it", { timeout: 7_200_000 }, async () => {
  const { admin, values } = await newCallers();
  const counts = { user: 0, token: 0, team: 0 };
  await fc.assert(
    fc.asyncProperty(world, fc.constantFrom(...stackRights), async (one, permission) => {
      await write(one, values);
      const ctx = contextOf(await actorOf(admin));
      for (const { stackId } of one.stacks) {
        const { access } = await listStackAccess(ctx, { orgName: "acme", ...stackOf(stackId) }, { permission });
        const subjects: string[] = [...TEAMS.map((team) => `team:${team}`), "user:ada", "user:mel", "user:bill"];
        for (const value of [values.token, values.team]) subjects.push(`token:${(await actorOf(value)).token.id}`);
        const expected = [];
        for (const subject of subjects) {
          const [kind, name] = subject.split(":") as ["user", string];
          const { allowed, reasons } = await explainAccess(ctx, { subject: { kind, name }, permission, project: "web", stack: stackId });
          if (allowed) expected.push({ subject, reasons });
          counts[kind] += Number(allowed);
        }
        const found = access.map(({ subject, reasons }) => ({ subject, reasons }));
        expect(found.toSorted(bySubject), `${permission} on ${stackId}`).toEqual(expected.toSorted(bySubject));
      }
    }),
    { numRuns: RUNS, examples: [[severalWays, "stack:read"]] },
  );
  console.log("lists of who has a right:", JSON.stringify(counts));
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
});

const bySubject = (one: { subject: string }, other: { subject: string }) => (one.subject < other.subject ? -1 : 1);

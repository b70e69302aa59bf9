/** Random worlds of roles, teams and grants, and their rows in the tables. */
import { env } from "cloudflare:workers";
import { eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import * as fc from "fast-check";
import { readDescriptor } from "../../src/access/descriptor.ts";
import type { OrgPermission } from "../../src/access/permissions.ts";
import { stackFactsQuery, toStackFacts } from "../../src/auth/onStack.ts";
import { decide } from "../../src/auth/policy.ts";
import { readIdentity } from "../../src/auth/identity.ts";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";
import type { Actor } from "../../src/context.ts";
import { batch, openStore } from "../../src/db/client.ts";
import { members, organizations } from "../../src/orgs/table.ts";
import { customRoles } from "../../src/roles/table.ts";
import { stackTags, stacks } from "../../src/stacks/table.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "../../src/teams/table.ts";
import { type StackRule, accessTokens } from "../../src/tokens/table.ts";
import { newOrgToken, newTeamToken, newWorld } from "../support/world.ts";
import type { NaiveWorld } from "./naiveWorld.ts";
import { facts, treesWith } from "./trees.ts";

export const store = openStore(env);
const { db } = store;
export const TEAMS = ["red", "blue"];

export const tree = treesWith([]);
export const world: fc.Arbitrary<NaiveWorld> = fc.record({
  defaultPermission: fc.constantFrom<0 | 101 | 102 | 103>(0, 0, 101, 102, 103),
  membersCanDelete: fc.boolean(),
  role: fc.constantFrom("member", "member", "member", "billing-manager", "admin"),
  custom: fc.option(tree, { freq: 2 }),
  orgDefault: fc.option(tree, { freq: 2 }),
  teamRoles: fc.record({ red: fc.option(tree), blue: fc.option(tree) }),
  memberOf: fc.subarray(TEAMS),
  stacks: fc.uniqueArray(facts, { selector: ({ stackId }) => stackId, minLength: 1 }),
  grants: fc.uniqueArray(
    fc.record({
      stackId: fc.constantFrom("s1", "s2", "s3"),
      grantee: fc.constantFrom("person", "token", ...TEAMS),
      permission: fc.constantFrom<101 | 102 | 103 | 104>(101, 102, 103, 104),
    }),
    { selector: ({ stackId, grantee }) => `${stackId} ${grantee}`, maxLength: 5 },
  ),
  limit: fc.option(fc.record({ stack: fc.constantFrom("s1", "s*", "*", "x"), access: fc.constantFrom("read", "preview", "write") }), {
    freq: 3,
  }),
});

/** This world always has everything that is counted, even when few worlds are drawn. */
export const oneGrant: NaiveWorld = {
  defaultPermission: 0,
  membersCanDelete: false,
  role: "member",
  custom: null,
  orgDefault: null,
  teamRoles: { red: null, blue: null },
  memberOf: [],
  stacks: [{ stackId: "s1", tags: {} }],
  grants: [{ stackId: "s1", grantee: "person", permission: 102 }],
  limit: null,
};

/** The callers of a world, and an administrator. The world decides the rights of the callers. */
export async function newCallers() {
  const people = await newWorld();
  const values = { person: people.member, token: (await newOrgToken(people, "ci")).tokenValue, team: await newTeamToken("red") };
  return { admin: people.admin, values };
}
export type Values = Awaited<ReturnType<typeof newCallers>>["values"];

const at = { now: 1000, address: "", country: "", defaultEdition: "enterprise" } as const;
export const verdictOn = (actor: Actor, permission: OrgPermission, stackName?: string) =>
  decide(actor, permission, "acme", at, stackName === undefined ? undefined : { projectName: "web", stackName }) === "allowed";

export async function factsOf(actor: Actor, orgId: string, ...stackNames: string[]) {
  const paths = stackNames.map((stackName) => ({ projectName: "web", stackName }));
  const [first, ...others] = paths.map((path) => stackFactsQuery(store, actor.token.id, orgId, path));
  const found = await batch(store, [first!, ...others]);
  return paths.map((path, i) => ({ ...path, needs: [], guarded: 0, facts: toStackFacts(found[i]!) }));
}

const hashOf = async (value: string) => (await hashTokenValue(peppersOf(env.TOKEN_PEPPER), value))!;

export async function actorOf(value: string): Promise<Actor> {
  const found = await readIdentity(store, await hashOf(value), Date.now());
  if (!found || !("identity" in found)) throw new Error("no identity");
  return found.identity.actor;
}

/** Writes the world into the tables, in place of the world before. */
export async function write(one: NaiveWorld, values: Values): Promise<void> {
  const [token, ofTeam, person] = await Promise.all([values.token, values.team, values.person].map(hashOf));
  const tokenId = sql<string>`(SELECT id FROM access_tokens WHERE hash = ${token})`;
  const orgId = sql<string>`(SELECT id FROM organizations WHERE name = 'acme')`;
  const written: BatchItem<"sqlite">[] = [];
  const add = (statement: BatchItem<"sqlite">) => void written.push(statement);
  // Undoes what a call of the world before made or ended.
  add(db.delete(accessTokens).where(sql`name LIKE 'made-%'`));
  add(db.update(accessTokens).set({ deletedAt: null }));
  add(
    db
      .update(members)
      .set({ role: "admin", roleId: null })
      .where(sql`user_id = (SELECT id FROM users WHERE login = 'ada')`),
  );
  for (const table of [stackGrants, stackTags, stacks, teamMembers, teamRoles, teams, customRoles]) add(db.delete(table));
  const role = (id: string, tree: object | null) =>
    tree
      ? [
          {
            id,
            orgId,
            name: id,
            description: "",
            resourceType: "",
            uxPurpose: "role" as const,
            details: JSON.stringify(tree),
            grants: readDescriptor(tree, () => undefined),
            createdAt: 0,
            modifiedAt: 0,
          },
        ]
      : [];
  const roles = [
    ...role("custom", one.custom),
    ...role("default", one.orgDefault),
    ...TEAMS.flatMap((team) => role(`of ${team}`, one.teamRoles[team]!)),
  ];
  for (const row of roles) add(db.insert(customRoles).values(row));
  // The role comes before the teams and grants, because their triggers derive from it what the identity of a member contains.
  const roleId = one.custom ? "custom" : null;
  const kept = (one.custom ? "member" : one.role) as "member";
  add(
    db
      .update(members)
      .set({ role: kept, roleId })
      .where(sql`user_id = (SELECT id FROM users WHERE login = 'mel')`),
  );
  for (const team of TEAMS) {
    add(db.insert(teams).values({ id: team, orgId, name: team, displayName: "", description: "", createdAt: 0 }));
    if (one.teamRoles[team]) add(db.insert(teamRoles).values({ teamId: team, roleId: `of ${team}` }));
    if (one.memberOf.includes(team))
      add(db.insert(teamMembers).values({ teamId: team, userId: sql`(SELECT id FROM users WHERE login = 'mel')`, createdAt: 0 }));
  }
  for (const { stackId, tags } of one.stacks) {
    add(db.insert(stacks).values({ id: stackId, orgId, project: "web", name: stackId, createdAt: 0 }));
    for (const [name, value] of Object.entries(tags)) add(db.insert(stackTags).values({ stackId, name, value }));
  }
  for (const { stackId, grantee, permission } of one.grants) {
    const [granteeKind, granteeId] =
      grantee === "person"
        ? (["user", sql`(SELECT id FROM users WHERE login = 'mel')`] as const)
        : grantee === "token"
          ? (["token", tokenId] as const)
          : (["team", grantee] as const);
    add(db.insert(stackGrants).values({ stackId, granteeKind, granteeId, permission, createdAt: 0 }));
  }
  add(
    db
      .update(organizations)
      .set({
        defaultStackPermission: one.defaultPermission,
        membersCanDeleteStacks: one.membersCanDelete,
        defaultRoleId: one.orgDefault ? "default" : null,
      })
      .where(sql`name = 'acme'`),
  );
  const stackRules = one.limit ? [{ project: "web", ...one.limit } as StackRule] : null;
  add(db.update(accessTokens).set({ role: kept, roleId, stackRules }).where(eq(accessTokens.hash, token!)));
  add(db.update(accessTokens).set({ teamId: "red", stackRules }).where(eq(accessTokens.hash, ofTeam!)));
  add(db.update(accessTokens).set({ stackRules }).where(eq(accessTokens.hash, person!)));
  const [first, ...others] = written;
  await batch(store, [first!, ...others]);
}

import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import type { ScopeGrant } from "../../src/access/descriptor.ts";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { mayAs, membershipIn } from "../../src/auth/policy.ts";
import { readIdentity } from "../../src/auth/identity.ts";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";
import type { Actor, UserActor } from "../../src/context.ts";
import type { Change, Changes } from "../../src/dryRuns/difference.ts";
import type { DryRun } from "../../src/dryRuns/openapi.ts";
import { type Subject, stackRights } from "../../src/dryRuns/rights.ts";
import type { NaiveWorld } from "../access/naiveWorld.ts";
import { TEAMS, actorOf, factsOf, oneGrant, store, tree, verdictOn, world, write } from "../access/worlds.ts";
import { call } from "../support/client.ts";
import { records } from "../support/stored.ts";
import { newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

const { worlds: RUNS } = inject("sizes");

type Operation = [method: string, path: string, json?: unknown];
const ORG = "/api/orgs/acme";

const role = fc.constantFrom("custom", "default", "of red", "of blue").map(encodeURIComponent);
const team = fc.constantFrom(...TEAMS);
const stackName = fc.constantFrom("s1", "s2", "s3");
const assigned = fc.oneof(
  fc.constantFrom("admin", "member", "billing-manager").map((name) => ({ role: name })),
  fc.constantFrom("custom", "default", "of red").map((fgaRoleId) => ({ fgaRoleId })),
);
const limits = fc.array(
  fc.record({
    project: fc.constantFrom("web", "*"),
    stack: fc.constantFrom("s1", "s*", "x"),
    access: fc.constantFrom("read", "preview", "write"),
  }),
  { maxLength: 2 },
);

/** Each kind of change that can be tried. */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(role, tree).map(([id, details]): Operation => ["PATCH", `${ORG}/roles/${id}`, { details }]),
  fc.tuple(role, fc.boolean()).map(([id, force]): Operation => ["DELETE", `${ORG}/roles/${id}?force=${force}`]),
  fc.oneof(role, fc.constant("member")).map((id): Operation => ["PATCH", `${ORG}/roles/${id}/default`]),
  fc
    .record({ setDefaultStackPermission: fc.constantFrom(0, 101, 102, 103), setMembersCanDeleteStacks: fc.boolean() }, { requiredKeys: [] })
    .map((json): Operation => ["PATCH", ORG, json]),
  fc.tuple(fc.constantFrom("mel", "ada"), assigned).map(([login, json]): Operation => ["PATCH", `${ORG}/members/${login}`, json]),
  fc.tuple(fc.constantFrom("POST", "DELETE"), team, role).map(([method, of, id]): Operation => [method, `${ORG}/teams/${of}/roles/${id}`]),
  fc
    .tuple(team, stackName, fc.constantFrom(0, 101, 102, 103))
    .map(([of, name, permission]): Operation => [
      "PATCH",
      `${ORG}/teams/${of}`,
      { addStackPermission: { projectName: "web", stackName: name, permission } },
    ]),
  fc
    .tuple(team, stackName, fc.constantFrom(0, 101, 102, 103))
    .map(([of, name, permissions]): Operation => ["PATCH", `/api/console/stacks/acme/web/${name}/teams/${of}`, { permissions }]),
  fc
    .tuple(team, fc.constantFrom("add", "remove", "promote", "demote"))
    .map(([of, memberAction]): Operation => ["PATCH", `${ORG}/teams/${of}`, { member: "mel", memberAction }]),
  team.map((of): Operation => ["DELETE", `${ORG}/teams/${of}`]),
  stackName.map((name): Operation => ["DELETE", `/api/stacks/acme/web/${name}/collaborators/mel`]),
  limits.map((stacks): Operation => ["PATCH", `${ORG}/tokens/TOKEN`, { stacks }]),
  fc.constantFrom("admin", "member", "read-only", "custom").map((roleID): Operation => ["PATCH", `${ORG}/tokens/TOKEN`, { roleID }]),
  limits.map((stacks): Operation => ["PATCH", `${ORG}/teams/red/tokens/TEAM_TOKEN`, { stacks }]),
  fc
    .record({ roleID: fc.constantFrom("admin", "member", "read-only", "custom"), stacks: limits }, { requiredKeys: ["roleID"] })
    .map((json): Operation => ["POST", `${ORG}/tokens`, { name: "made-now", ...json }]),
  fc.constant<Operation>(["POST", `${ORG}/teams/red/tokens`, { name: "made-by-red" }]),
);

/** Rights of one subject: on the organization, and on each stack. */
interface Held {
  organization: OrgPermission[];
  stacks: Record<string, OrgPermission[]>;
  /** The teams that a person administers. */
  teams: string[];
}

it(
  "a dry run answers the difference of what `decide` says before and after the real call, and changes nothing",
  { timeout: 7_200_000 },
  async () => {
    const people = await newWorld();
    const token = await newOrgToken(people, "ci");
    const values = { person: people.member, token: token.tokenValue, team: await newTeamToken("red") };
    const teamTokenId = (await actorOf(values.team)).token.id;
    const counts = { gains: 0, loses: 0, onOrganization: 0, onStacks: 0, teams: 0, administrators: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(world, operation, async (one, [method, written, json]) => {
        await write(one, values);
        const path = written.replace("TEAM_TOKEN", teamTokenId).replace("TOKEN", token.id);
        const options = { token: people.admin, ...(json !== undefined && { json }) };
        const rightsNow = async (made?: string) => {
          const actors: [Subject["kind"], string, Actor | undefined][] = [
            ["person", "ada", await living(people.admin)],
            ["person", "mel", unlimited(await living(values.person))],
            ["person", "bill", await living(people.billing)],
            ["organization-token", "ci", await living(values.token)],
            ["team-token", "team-red", await living(values.team)],
            ["organization-token", "made-now", path.includes("/teams/") ? undefined : await living(made)],
            ["team-token", "made-by-red", path.includes("/teams/") ? await living(made) : undefined],
          ];
          const held = new Map<string, Held>();
          for (const [kind, name, actor] of actors) held.set(`${kind} ${name}`, await heldBy(actor, one));
          for (const name of TEAMS) held.set(`team ${name}`, await heldByTeam(people.billing, name, one));
          return held;
        };

        const before = await rightsNow();
        const stored = await records();
        const dry = await call(method, `${path}${path.includes("?") ? "&" : "?"}dryRun=true`, options);
        expect(await records()).toEqual(stored);
        const answer = await dry.json<DryRun & { message: string }>();
        const real = await call(method, path, options);
        const text = await real.text();
        if (!dry.ok || !real.ok) {
          counts.refused++;
          // The caller is an administrator in each world.
          expect([400, 404, 409]).toContain(real.status);
          expect([dry.status, answer.message]).toEqual([real.status, (JSON.parse(text) as { message: string }).message]);
          return;
        }
        const made = method === "POST" && path.includes("tokens") ? (JSON.parse(text) as { tokenValue: string }).tokenValue : undefined;
        const after = await rightsNow(made);
        expect(answer.truncated).toBe(false);
        expect(simple(answer.gains)).toEqual(more(before, after));
        expect(simple(answer.loses)).toEqual(more(after, before));
        counts.gains += answer.gains.count;
        counts.loses += answer.loses.count;
        for (const change of [...answer.gains.first, ...answer.loses.first]) {
          if (change.organization.length > 0) counts.onOrganization++;
          if (change.stacks.count > 0) counts.onStacks++;
          if (change.subject.kind === "team") counts.teams++;
          if (change.teams.length > 0) counts.administrators++;
        }
      }),
      {
        numRuns: RUNS * 3,
        examples: [
          [oneGrant, ["PATCH", ORG, { setDefaultStackPermission: 101 }]],
          [
            { ...oneGrant, memberOf: ["red"] },
            ["PATCH", `${ORG}/teams/red`, { addStackPermission: { projectName: "web", stackName: "s1", permission: 103 } }],
          ],
          [oneGrant, ["DELETE", "/api/stacks/acme/web/s1/collaborators/mel"]],
          [oneGrant, ["DELETE", `${ORG}/teams/red`]],
          [{ ...oneGrant, memberOf: ["red"] }, ["PATCH", `${ORG}/teams/red`, { member: "mel", memberAction: "promote" }]],
          // The last administrator keeps the role.
          [oneGrant, ["PATCH", `${ORG}/members/ada`, { role: "member" }]],
        ],
      },
    );
    console.log("dry runs in worlds of roles, teams and grants:", JSON.stringify(counts));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  },
);

/** The holder of a token, unless the token has ended. */
async function living(value: string | undefined): Promise<Actor | undefined> {
  if (value === undefined) return undefined;
  const found = await readIdentity(store, (await hashTokenValue(peppersOf(env.TOKEN_PEPPER), value))!, Date.now());
  return found && "identity" in found ? found.identity.actor : undefined;
}

/** The limit of a personal token does not limit its person. */
const unlimited = (actor: Actor | undefined) => actor && { ...actor, limits: { ...actor.limits, stackRules: null } };

async function heldBy(actor: Actor | undefined, one: NaiveWorld): Promise<Held> {
  const membership = actor && membershipIn(actor, "acme");
  if (!actor || !membership) return { organization: [], stacks: {}, teams: [] };
  const stacks: Held["stacks"] = {};
  for (const onStack of await factsOf(actor, membership.org.id, ...one.stacks.map(({ stackId }) => stackId))) {
    const name = onStack.stackName;
    stacks[name] = stackRights.filter((permission) => verdictOn({ ...actor, onStack }, permission, name));
  }
  return { organization: onOrganization(actor), stacks, teams: actor.kind === "user" ? await administeredBy(actor) : [] };
}

const administeredBy = async ({ user }: UserActor) =>
  (
    await env.DB.prepare("SELECT name FROM teams JOIN team_members ON team_id = id WHERE user_id = ? AND role = 'admin'")
      .bind(user.id)
      .all<{ name: string }>()
  ).results.map(({ name }) => name);

const onOrganization = (actor: Actor): OrgPermission[] =>
  orgPermissions.filter((permission) =>
    permission === "stack:list"
      ? mayAs(membershipIn(actor, "acme")!, permission) && actor.limits.stackRules === null
      : verdictOn(actor, permission),
  );

/** What a team gives: the rights of a subject with nothing but the team's roles and grants. */
async function heldByTeam(anybody: string, team: string, one: NaiveWorld): Promise<Held> {
  const rows = await env.DB.prepare("SELECT grants FROM roles JOIN team_roles ON role_id = id WHERE team_id = ?")
    .bind(team)
    .all<{ grants: string }>();
  const { results } = await env.DB.prepare("SELECT stack_id, permission FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id = ?")
    .bind(team)
    .all<{ stack_id: string; permission: 101 }>();
  const actor = (await living(anybody)) as UserActor;
  const [membership] = actor.memberships;
  const nothing = { id: "", name: "", grants: [] };
  const ofTeams = rows.results.flatMap(({ grants }) => JSON.parse(grants) as ScopeGrant[]);
  const member: UserActor = { ...actor, memberships: [{ ...membership!, role: "member", custom: nothing, ofTeams, hasStackGrants: true }] };
  const stacks: Held["stacks"] = {};
  for (const known of await factsOf(actor, membership!.org.id, ...one.stacks.map(({ stackId }) => stackId))) {
    const name = known.stackName;
    const granted = results.filter((row) => row.stack_id === name).map(({ permission }) => permission);
    const onStack = { ...known, facts: known.facts && { ...known.facts, granted } };
    stacks[name] = stackRights.filter((permission) => verdictOn({ ...member, onStack }, permission, name));
  }
  return { organization: onOrganization(member), stacks, teams: [] };
}

type Simple = Record<string, Pick<Change, "organization" | "stacks" | "teams">>;

const simple = ({ count, first }: Changes): Simple => {
  expect(first).toHaveLength(count);
  return Object.fromEntries(
    first.map(({ subject, organization, stacks, teams }) => [`${subject.kind} ${subject.name}`, { organization, stacks, teams }]),
  );
};

/** What everyone has in `to` and not in `from`. */
function more(from: Map<string, Held>, to: Map<string, Held>): Simple {
  const found: Simple = {};
  for (const [key, held] of to) {
    const had = from.get(key)!;
    const organization = held.organization.filter((permission) => !had.organization.includes(permission));
    const onStacks = Object.entries(held.stacks)
      .map(([name, rights]) => [`web/${name}`, rights.filter((permission) => !had.stacks[name]?.includes(permission))] as const)
      .filter(([, rights]) => rights.length > 0)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const permissions = stackRights.filter((permission) => onStacks.some(([, rights]) => rights.includes(permission)));
    const teams = held.teams.filter((name) => !had.teams.includes(name));
    if (organization.length > 0 || onStacks.length > 0 || teams.length > 0)
      found[key] = { organization, stacks: { count: onStacks.length, permissions, first: onStacks.map(([name]) => name) }, teams };
  }
  return found;
}

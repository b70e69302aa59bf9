import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { personSql } from "../../scripts/identities.ts";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { stackFactsQuery, toStackFacts } from "../../src/auth/onStack.ts";
import { membershipIn, decide as verdictOf } from "../../src/auth/policy.ts";
import { type Identity, readIdentity } from "../../src/auth/identity.ts";
import { peppersOf } from "../../src/auth/secret.ts";
import type { Actor } from "../../src/context.ts";
import { openStore } from "../../src/db/client.ts";
import type { Route } from "../../src/http/route.ts";
import { allow, give, newRoleId } from "../roles/roles.ts";
import { cacheIdentity, cachedIdentity, hashOf } from "../support/cache.ts";
import { type Call, call, ok } from "../support/client.ts";
import { freshBindings } from "../support/fresh.ts";
import { addPeople, goodCall, refusedToAll } from "../support/goodCall.ts";
import { type World, newOrgToken, newStack, newTeamToken, newWorld, startUpdate } from "../support/world.ts";

/**
 * Calls every route as every kind of caller, and compares the outcomes with the committed table `matrix.md`. `npx vitest run
 * test/auth/matrix.test.ts --update` writes the table anew; the rules below hold for whatever it says.
 */
const callers = [
  "anonymous",
  "other organization's admin",
  "member",
  "billing manager",
  "admin",
  "organization token",
  "admin organization token",
  "team token",
  "member with a custom role",
  "member with an empty role",
  "team member",
  "team administrator",
  "creator of the stack",
  "expired token",
  "deleted token",
  "admin's deleted token, still cached",
  "update lease",
  "operator",
] as const;
type Caller = (typeof callers)[number];
const believer = "admin's deleted token, still cached" satisfies Caller;
/**
 * These callers have rights on single stacks. Each of them has the rights of those before it. They call one after another, so that the
 * stack still exists.
 */
const onSingleStacks = [
  "member with an empty role",
  "member with a custom role",
  "team member",
  "team administrator",
  "creator of the stack",
] as const satisfies Caller[];
type OnSingleStacks = (typeof onSingleStacks)[number];
type Outcome = "allowed" | "401" | "403" | "404";

interface Row {
  definition: Route["definition"];
  outcomes: Record<Caller, Outcome>;
  /** The decision of `decide`, for callers with a valid token. */
  decided: Partial<Record<Caller, Outcome>>;
  /** Whether one of the callers got a successful answer: then the call of this test is a valid one. */
  answered: boolean;
}

/**
 * Operations that return who the caller is, or the same for everybody. They are guarded only by the identity, which is cached for 60
 * seconds.
 */
const withoutDatabase: string[] = [
  "ListTemplates",
  "GetOrgTemplates",
  "ListPolicyGroups",
  "ListPolicyPacks_orgs",
  "ListPackages",
  "GetPackageVersion",
  "ListPackages_preview",
  "GetPackageVersion_preview",
  "GetCurrentUser",
  "GetDefaultOrganization",
  "ListAvailableScopes",
  "ListAuditLogEventTypes",
  "GetAuditLogsReaderKind",
];

const rows: Row[] = [];

beforeAll(async () => {
  await freshBindings();
  const world = await newWorld();
  await addPeople();
  const credentials = await credentialsOf(world);
  for (const route of routes) rows.push(await walk(world, credentials, route.definition));
}, 600_000);

it("answers every kind of caller at every route as the committed matrix says", async () => {
  await expect(table(rows)).toMatchFileSnapshot("./matrix.md");
});

it("makes a call that is good for somebody at every route, but where everybody is refused", () => {
  expect(rows.filter((row) => !row.answered).map((row) => row.definition.operationId)).toEqual(refusedToAll);
});

describe("whatever the matrix says", () => {
  it("each route accepts a caller exactly when the decision on rights does", () => {
    const cells = rows.flatMap(({ definition, outcomes, decided }) =>
      (Object.entries(decided) as [Caller, Outcome][]).map(([caller, wanted]) => ({ caller, wanted, got: outcomes[caller], definition })),
    );
    expect(cells.length).toBeGreaterThan(1000);
    const differences = cells
      .filter(({ wanted, got }) => got !== wanted)
      .map(({ caller, wanted, got, definition }) => `${definition.operationId}, ${caller}: ${got} and not ${wanted}`);
    expect(differences).toEqual([]);
  });

  it("no route lacks a permission", () => {
    const known: string[] = ["public", "self", "person", "lease", "operator", ...orgPermissions];
    for (const { definition } of rows) expect(known, definition.operationId).toContain(definition.permission);
  });

  it("no operation has the name or the place of another", () => {
    expect(new Set(routes.map((r) => r.definition.operationId)).size).toBe(routes.length);
    expect(new Set(routes.map((r) => `${r.definition.method} ${r.definition.path}`)).size).toBe(routes.length);
  });

  it("a route under a lease never answers 401, and lets nothing but the lease in", () => {
    for (const { definition, outcomes } of of("lease")) {
      const { "update lease": lease, ...others } = outcomes;
      expect(lease, definition.path).toBe("allowed");
      expect(new Set(Object.values(others)), definition.path).toEqual(new Set(["403"]));
    }
  });

  it("the operator's credential opens what is the operator's, and nobody else does", () => {
    for (const { definition, outcomes } of rows) {
      if (definition.permission === "lease" || definition.permission === "public") continue;
      const { operator, ...others } = outcomes;
      expect(operator, definition.path).toBe(definition.permission === "operator" ? "allowed" : "401");
      if (definition.permission === "operator") expect(new Set(Object.values(others)), definition.path).toEqual(new Set(["401"]));
    }
  });

  it("a lease opens nothing that is not under a lease", () => {
    for (const { definition, outcomes } of rows)
      if (definition.permission !== "lease" && definition.permission !== "public")
        expect(outcomes["update lease"], definition.path).toBe("401");
  });

  it("nobody in particular, and tokens that ended, get 401 wherever a token is needed", () => {
    for (const { definition, outcomes } of rows) {
      if (definition.permission === "lease" || definition.permission === "public") continue;
      for (const caller of ["anonymous", "expired token", "deleted token"] as const)
        expect(outcomes[caller], `${caller}: ${definition.path}`).toBe("401");
    }
  });

  it("a deleted token that a cache still believes in changes nothing, and reads nothing that the database knows", () => {
    const open = rows.filter(({ definition, outcomes }) => {
      const isOpen = ["public", "lease"].includes(definition.permission);
      return !isOpen && outcomes[believer] === "allowed";
    });
    expect(open.map(({ definition }) => definition.operationId)).toEqual(withoutDatabase);
    for (const { definition } of open) expect(definition.method).toBe("GET");
  });

  it("an organization does not exist for the admin of another one", () => {
    for (const { definition, outcomes } of rows)
      // An invitation is for people who are not in the organization yet.
      if (
        definition.path.includes("{orgName}") &&
        definition.permission !== "lease" &&
        !(definition.path.includes("{inviteID}") && definition.permission === "person")
      )
        expect(outcomes["other organization's admin"], definition.path).toBe("404");
  });

  it("no machine token makes, changes or ends a token", () => {
    for (const { definition, outcomes } of [
      ...of("org_token:create"),
      ...of("org_token:update"),
      ...of("org_token:delete"),
      ...of("person"),
    ])
      for (const caller of ["organization token", "admin organization token", "team token"] as const)
        expect(outcomes[caller], `${caller}: ${definition.path}`).toBe("403");
  });

  it("only administrators change members or read the log and the list of tokens", () => {
    for (const { definition, outcomes } of [
      ...of("org_member:add"),
      ...of("org_member:update"),
      ...of("org_member:delete"),
      // This is the removal of another person: everybody may leave, so the route has another permission.
      ...rows.filter((row) => row.definition.operationId === "DeleteOrganizationMember"),
      ...of("invites:read"),
      ...of("invites:create"),
      ...of("audit_logs:read"),
      ...of("audit_logs:export"),
      ...of("org_token:read"),
    ]) {
      // The test above covers the caller whose identity is only cached.
      const allowed = callers.filter((caller) => caller !== believer && outcomes[caller] === "allowed");
      expect(allowed, definition.path).toEqual(["admin", "admin organization token"]);
    }
  });

  it("a billing manager does nothing to a stack", () => {
    for (const { definition, outcomes } of rows)
      if (definition.permission.startsWith("stack")) expect(outcomes["billing manager"], definition.path).toBe("403");
  });
});

const of = (permission: Route["definition"]["permission"]) => rows.filter((row) => row.definition.permission === permission);

/** Calls one route, with objects of its own. */
async function walk(world: World, credentials: Credentials, definition: Route["definition"]): Promise<Row> {
  const { path, json, headers, lease: own } = await goodCall(world, definition);
  // If the path names no update, the lease is that of another stack's update.
  const lease = own || (await leaseElsewhere(world, definition));
  await grantOnStack(definition);
  const decided = await decide(credentials, definition, path);
  await believe();
  const ask = async (caller: Caller) => {
    const credential = caller === "update lease" ? { lease } : credentials[caller];
    const from = { "CF-Connecting-IP": `2001:db8:0:${(addresses++).toString(16)}::1` };
    const response = await call(definition.method, path, { ...credential, json, headers: { ...headers, ...from } });
    return { caller, good: response.ok, outcome: await outcomeOf(response, definition.method, isOnSingleStacks(caller)) };
  };
  // This caller comes first and alone, when all of the work is still to be done.
  const answers = [await ask(believer)];
  for (const caller of onSingleStacks) answers.push(await ask(caller));
  answers.push(...(await Promise.all(callers.filter((caller) => caller !== believer && !isOnSingleStacks(caller)).map(ask))));
  // A person who accepted the invitation is put outside of the organization again.
  if (definition.operationId === "AcceptOrgInvite") await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
  const outcomes = Object.fromEntries(answers.map(({ caller, outcome }) => [caller, outcome])) as Record<Caller, Outcome>;
  return { definition, outcomes, decided, answered: answers.some((answer) => answer.good) };
}

let elsewhere: { path: string; lease: string } | undefined;

/**
 * @returns the lease of a running update, of a stack that the call is not about. Some calls end that update; then the next call gets
 * another one.
 */
async function leaseElsewhere({ member }: World, { operationId }: Route["definition"]): Promise<string> {
  if (elsewhere) {
    const { path, lease } = elsewhere;
    const renewed = await call("POST", `${path}/renew_lease`, { lease, json: { token: lease, duration: 300 } });
    if (renewed.ok) return lease;
  }
  const stack = `${operationId.toLowerCase()}-leased`;
  await newStack(member, "web", stack);
  elsewhere = await startUpdate(member, { stack: `web/${stack}` });
  return elsewhere.lease;
}

const isOnSingleStacks = (caller: Caller): caller is OnSingleStacks => (onSingleStacks as readonly Caller[]).includes(caller);

/** Grants on the stack of the call, and memberships in its team. */
async function grantOnStack({ operationId, path }: Route["definition"]): Promise<void> {
  const grant = (kind: string, id: string, permission: number) =>
    env.DB.prepare(
      `INSERT OR REPLACE INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at)
       SELECT id, ?, (SELECT id FROM ${kind}s WHERE ${kind === "user" ? "login" : "name"} = ?), ?, 0 FROM stacks WHERE name = ? AND deleted_at IS NULL`,
    ).bind(kind, id, permission, operationId.toLowerCase());
  const join = (login: string, role: string) =>
    env.DB.prepare(
      "INSERT INTO team_members (team_id, user_id, role, created_at) SELECT teams.id, users.id, ?, 0 FROM teams, users WHERE teams.name = ? AND users.login = ?",
    ).bind(role, operationId, login);
  await env.DB.batch([
    grant("team", "readers", 101),
    grant("team", "writers", 102),
    grant("user", "creator", 104),
    ...(path.includes("{teamName}") ? [join("teammate", "member"), join("leader", "admin")] : []),
  ]);
}

/** The right that the work of a route requires in addition to the route's permission, for the call of this test. */
const besides: Record<string, OrgPermission> = {
  CreateUpdateForUpdate: "stack:write",
  CreateUpdateForRefresh: "stack:write",
  CreateUpdateForDestroy: "stack:write",
  // The update that is started is not a preview.
  StartUpdateForUpdate: "stack:write",
  StartUpdateForPreview: "stack:write",
  StartUpdateForRefresh: "stack:write",
  StartUpdateForDestroy: "stack:write",
  DeleteOrganizationMember: "org_member:delete",
  UpdateTeam: "team:update",
  UpdateTeamStackPermissions: "stack_access:update",
  ListTeamTokens: "team:list_tokens",
  CreateTeamToken: "team:create_token",
  DeleteTeamToken: "team:delete_token",
  GetTeamToken: "team:list_tokens",
  UpdateTeamToken: "team:create_token",
  DisableTeamToken: "team:delete_token",
  EnableTeamToken: "team:create_token",
  RotateTeamToken: "team:create_token",
  GetTeamTokenImpact: "team:list_tokens",
  GetTeamTokenUsage: "team:list_tokens",
  GetTeamTokenRevocation: "team:list_tokens",
};
/**
 * An administrator of a team may do everything else to the team. This one lacks the rights of a member, which a token of the team would
 * have.
 */
const NOT_BY_TEAM_ADMINISTRATORS = "team:create_token";

/** The decision for each caller with a valid token, on a route that requires a right in an organization. */
async function decide(credentials: Credentials, definition: Route["definition"], path: string): Promise<Row["decided"]> {
  const { permission, operationId } = definition;
  if (!(orgPermissions as readonly string[]).includes(permission)) return {};
  const params = Object.fromEntries(
    definition.path
      .split("/")
      .flatMap((part, i) => (part.startsWith("{") ? [[part.slice(1, -1), path.split("?")[0]!.split("/")[i]!]] : [])),
  );
  const stack = params["stackName"] ? { projectName: params["projectName"]!, stackName: params["stackName"] } : undefined;
  const decided: Row["decided"] = {};
  for (const caller of valid) {
    const actor = await actorOf(credentials[caller].token!);
    const { org } = membershipIn(actor, "acme") ?? {};
    const facts = org && stack && toStackFacts(await stackFactsQuery(store, actor.token.id, org.id, stack));
    const known = stack && facts !== undefined ? { ...actor, onStack: { ...stack, needs: [], guarded: 0, facts } } : actor;
    const ask = (right: OrgPermission) => outcomes[verdictOf(known, right, params["orgName"]!, circumstances, stack)]!;
    const further = besides[operationId];
    const leads = caller === "team administrator" && "teamName" in params;
    const first = ask(permission as OrgPermission);
    decided[caller] = first !== "allowed" || !further || (leads && further !== NOT_BY_TEAM_ADMINISTRATORS) ? first : ask(further);
    // The other organization, which the body names, is hidden from this person.
    if (operationId === "TransferStack" && caller === "creator of the stack") decided[caller] = "404";
  }
  return decided;
}

const outcomes: Record<string, Outcome> = { allowed: "allowed", forbidden: "403", hidden: "404", "stack-hidden": "404" };
const valid = [
  "other organization's admin",
  "member",
  "billing manager",
  "admin",
  "organization token",
  "admin organization token",
  "team token",
  ...onSingleStacks,
] as const satisfies Caller[];
const circumstances = { now: Date.now(), address: "", country: "", defaultEdition: "enterprise" } as const;
const store = openStore(env);

async function actorOf(value: string): Promise<Actor> {
  const found = await readIdentity(store, await hashOf(value), Date.now());
  if (!found || !("identity" in found)) throw new Error("no identity");
  return found.identity.actor;
}

/** Failures are counted by address; this test has many. */
let addresses = 1;

/**
 * A 404 counts as hidden only if the organization itself is absent. A 404 for another missing object means that the caller was allowed to
 * look for it.
 */
async function outcomeOf(response: Response, method: string, hidesStacks: boolean): Promise<Outcome> {
  if (response.status === 401 || response.status === 403) return String(response.status) as Outcome;
  if (response.status !== 404) return "allowed";
  if (method === "HEAD") return "404";
  const { message } = await response.json<{ message: string }>();
  return message.startsWith("Not Found: Organization ") || (hidesStacks && message.startsWith("Not Found: Stack ")) ? "404" : "allowed";
}

type Credentials = Record<Exclude<Caller, "update lease">, Call>;

async function credentialsOf(world: World): Promise<Credentials> {
  const expired = await newOrgToken(world, "expired");
  await env.DB.prepare("UPDATE access_tokens SET expires_at = ? WHERE id = ?")
    .bind(Date.now() - 1000, expired.id)
    .run();
  const deleted = await newOrgToken(world, "deleted");
  await ok("DELETE", `/api/orgs/acme/tokens/${deleted.id}`, { token: world.admin });
  const cached = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin });
  await ok("GET", "/api/user", { token: cached.tokenValue });
  believed = { value: cached.tokenValue, identity: await cachedIdentity(cached.tokenValue) };
  await ok("DELETE", `/api/user/tokens/${cached.id}`, { token: world.admin });
  return {
    anonymous: {},
    "other organization's admin": { token: world.stranger },
    member: { token: world.member },
    "billing manager": { token: world.billing },
    admin: { token: world.admin },
    "organization token": { token: (await newOrgToken(world, "ci", { mayRotateItself: true })).tokenValue },
    "admin organization token": { token: (await newOrgToken(world, "root", { admin: true })).tokenValue },
    "team token": { token: await newTeamToken() },
    ...(await peopleWithRoles(world)),
    "expired token": { token: expired.tokenValue },
    "deleted token": { token: deleted.tokenValue },
    "admin's deleted token, still cached": { token: cached.tokenValue },
    operator: { token: env.OPERATOR_TOKEN },
  };
}

/** Members whose custom roles give few rights, and who have grants on single stacks. */
async function peopleWithRoles({ admin }: World): Promise<Record<OnSingleStacks, Call>> {
  const people = ["nobody", "auditor", "teammate", "leader", "creator"];
  const made = await Promise.all(people.map((login) => personSql(login, "", peppersOf(env.TOKEN_PEPPER), Date.now())));
  await env.DB.batch(
    made.flatMap(({ sql, userId }) => [
      ...sql.split("\n").map((line) => env.DB.prepare(line)),
      env.DB.prepare(
        "INSERT INTO members (org_id, user_id, role, created_at) SELECT id, ?, 'member', 0 FROM organizations WHERE name = 'acme'",
      ).bind(userId),
    ]),
  );
  const empty = await newRoleId(admin, "Empty", allow());
  const creating = await newRoleId(admin, "Creating", allow("stack:create"));
  const auditing = await newRoleId(admin, "Auditing", {
    __type: "PermissionDescriptorGroup",
    entries: [
      allow("role:read", "team:create", "stack:list_deleted"),
      {
        __type: "PermissionDescriptorCondition",
        condition: { __type: "PermissionExpressionHasTag", context: { __type: "PermissionExpressionStack" }, key: "team" },
        subNode: allow("stack:read", "stack:export", "stack_tags:update"),
      },
    ],
  });
  for (const login of people) await give(admin, login, login === "auditor" ? auditing : login === "creator" ? creating : empty);
  const token = (login: string) => ({ token: made[people.indexOf(login)]!.token });
  // These are the first grants of each person. Only the first one changes the identity.
  await newStack(token("creator").token, "web", "first");
  for (const [team, login, permission] of [
    ["readers", "teammate", 101],
    ["writers", "leader", 102],
  ] as const) {
    await ok("POST", "/api/orgs/acme/teams/pulumi", { token: admin, json: { name: team } });
    const change = (json: object) => ok("PATCH", `/api/orgs/acme/teams/${team}`, { token: admin, json });
    await change({ member: login, memberAction: "add" });
    await change({ addStackPermission: { projectName: "web", stackName: "first", permission } });
  }
  return {
    "member with an empty role": token("nobody"),
    "member with a custom role": token("auditor"),
    "team member": token("teammate"),
    "team administrator": token("leader"),
    "creator of the stack": token("creator"),
  };
}

let believed: { value: string; identity: Identity };

/** Caches the identity, as in a location that has not learned of the deletion yet. */
const believe = () => cacheIdentity(believed.value, { ...believed.identity, checkedAt: Date.now() });

function table(matrix: Row[]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const lines = matrix.map(({ definition: d, outcomes }) =>
    line([`\`${d.method} ${d.path}\``, d.permission, ...callers.map((caller) => outcomes[caller])]),
  );
  return [
    "# Who is let in where",
    "",
    "Written by `npx vitest run test/auth/matrix.test.ts --update`. `allowed`: the caller gets past authentication and authorization.",
    "`404`: the organization or the stack is hidden from the caller.",
    "",
    line(["route", "permission", ...callers]),
    line(["---", "---", ...callers.map(() => "---")]),
    ...lines,
    "",
  ].join("\n");
}

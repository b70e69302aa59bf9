import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { orgPermissions } from "../../src/access/permissions.ts";
import type { Identity } from "../../src/auth/resolve.ts";
import type { Route } from "../../src/http/route.ts";
import { cacheIdentity, cachedIdentity } from "../support/cache.ts";
import { type Call, call, ok } from "../support/client.ts";
import { freshBindings } from "../support/fresh.ts";
import { addPeople, goodCall, refusedToAll } from "../support/goodCall.ts";
import { type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

/**
 * Every route, called as every kind of caller, against the committed table `matrix.md`. `npx vitest run
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
  "expired token",
  "deleted token",
  "admin's deleted token, still cached",
  "update lease",
  "operator",
] as const;
type Caller = (typeof callers)[number];
const believer = "admin's deleted token, still cached" satisfies Caller;
type Outcome = "allowed" | "401" | "403" | "404";

interface Row {
  definition: Route["definition"];
  outcomes: Record<Caller, Outcome>;
  /** Whether someone got a good answer: then the call of this test is a real one. */
  answered: boolean;
}

/** Who the caller is, and what is the same for everybody. Guarded by the identity alone, for 60 seconds. */
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
      // An invitation is for people who are not in it yet.
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
      // Of somebody else: everybody may leave, so its permission is another one.
      ...rows.filter((row) => row.definition.operationId === "DeleteOrganizationMember"),
      ...of("invites:read"),
      ...of("invites:create"),
      ...of("audit_logs:read"),
      ...of("audit_logs:export"),
      ...of("org_token:read"),
    ]) {
      // What the cached one may is said above.
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

/** One route, with objects of its own. */
async function walk(world: World, credentials: Credentials, definition: Route["definition"]): Promise<Row> {
  const { path, json, headers, lease } = await goodCall(world, definition);
  await believe();
  const ask = async (caller: Caller) => {
    const credential = caller === "update lease" ? { lease } : credentials[caller];
    const from = { "CF-Connecting-IP": `2001:db8:0:${(addresses++).toString(16)}::1` };
    const response = await call(definition.method, path, { ...credential, json, headers: { ...headers, ...from } });
    return { caller, good: response.ok, outcome: await outcomeOf(response, definition.method) };
  };
  // Alone and first: there is everything still to be done.
  const first = await ask(believer);
  const answers = [first, ...(await Promise.all(callers.filter((caller) => caller !== believer).map(ask)))];
  // Whoever accepted is a stranger again.
  if (definition.operationId === "AcceptOrgInvite") await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
  const outcomes = Object.fromEntries(answers.map(({ caller, outcome }) => [caller, outcome])) as Record<Caller, Outcome>;
  return { definition, outcomes, answered: answers.some((answer) => answer.good) };
}

/** Failures are counted by address; this test has many. */
let addresses = 1;

/** Only the absence of the organization itself hides it; an object that is not there was looked for by someone who may. */
async function outcomeOf(response: Response, method: string): Promise<Outcome> {
  if (response.status === 401 || response.status === 403) return String(response.status) as Outcome;
  if (response.status !== 404) return "allowed";
  if (method === "HEAD") return "404";
  return (await response.json<{ message: string }>()).message.startsWith("Not Found: Organization ") ? "404" : "allowed";
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
    "expired token": { token: expired.tokenValue },
    "deleted token": { token: deleted.tokenValue },
    "admin's deleted token, still cached": { token: cached.tokenValue },
    operator: { token: env.OPERATOR_TOKEN },
  };
}

let believed: { value: string; identity: Identity };

/** As a location that has not heard of the deletion yet. */
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
    "`404`: the organization is hidden from the caller.",
    "",
    line(["route", "permission", ...callers]),
    line(["---", "---", ...callers.map(() => "---")]),
    ...lines,
    "",
  ].join("\n");
}

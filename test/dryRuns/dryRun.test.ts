import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import type { DryRun } from "../../src/dryRuns/openapi.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const ORG = "/api/orgs/acme";
const tried = (method: string, path: string, json?: unknown, token = world.admin) =>
  ok<DryRun>(method, `${path}?dryRun=true`, { token, ...(json !== undefined && { json }) });

const newRole = async (name: string, permissions: string[]) =>
  (
    await ok<{ id: string }>("POST", `${ORG}/roles`, {
      token: world.admin,
      json: { name, description: "", uxPurpose: "role", details: { __type: "PermissionDescriptorAllow", permissions } },
    })
  ).id;

describe("the answer", () => {
  it("names whom a change of a role gives and takes what, and nothing is changed or recorded", async () => {
    const id = await newRole("reader", ["stack:read", "audit_logs:read"]);
    await newOrgToken(world, "drift", { roleID: id });
    await newStack(world.admin);
    const details = { __type: "PermissionDescriptorAllow", permissions: ["stack:read", "stack:export"] };
    let answer: DryRun | undefined;
    await changesNothing(async () => {
      const events = await eventsOf(async () => (answer = await tried("PATCH", `${ORG}/roles/${id}`, { details })));
      expect(events).toMatchObject([
        { event: "dry-run", userLogin: "ada", description: `Tried UpdateRole and changed nothing: PATCH ${ORG}/roles/${id}` },
      ]);
    });
    const subject = { kind: "organization-token", id: expect.any(String) as string, name: "drift" };
    const none = { count: 0, permissions: [], first: [] };
    expect(answer).toEqual({
      dryRun: true,
      gains: {
        count: 1,
        first: [
          { subject, organization: ["stack:export"], stacks: { count: 1, permissions: ["stack:export"], first: ["web/dev"] }, teams: [] },
        ],
      },
      loses: { count: 1, first: [{ subject, organization: ["audit_logs:read"], stacks: none, teams: [] }] },
      runningUpdates: [],
      canceledInvitations: 0,
      missing: [],
      truncated: false,
    });
  });

  it("names people, the team and its tokens when a team gets a right on a stack, or ends", async () => {
    await ok("PATCH", ORG, { token: world.admin, json: { setDefaultStackPermission: 0 } });
    await newTeam(world, "shop");
    await ok("PATCH", `${ORG}/teams/shop`, { token: world.admin, json: { member: "mel", memberAction: "add" } });
    await ok<NewToken>("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
    await newStack(world.admin, "shop", "dev");
    const json = { addStackPermission: { projectName: "shop", stackName: "dev", permission: 101 } };
    const { gains } = await tried("PATCH", `${ORG}/teams/shop`, json);
    expect(gains.first.map(({ subject, stacks }) => [subject.kind, subject.name, stacks.first])).toEqual([
      ["person", "mel", ["shop/dev"]],
      ["team", "shop", ["shop/dev"]],
      ["team-token", "shop-ci", ["shop/dev"]],
    ]);
    await ok("PATCH", `${ORG}/teams/shop`, { token: world.admin, json });
    const running = await ok<{ tokens: unknown[] }>("GET", `${ORG}/teams/shop/tokens`, { token: world.admin });
    const { loses } = await tried("DELETE", `${ORG}/teams/shop`);
    expect(loses.first.map(({ subject }) => subject.name)).toEqual(["ada", "mel", "shop", "shop-ci"]);
    expect(await ok("GET", `${ORG}/teams/shop/tokens`, { token: world.admin })).toEqual(running);
  });

  it("leaves running updates of a team's token alone", async () => {
    await ok("PATCH", ORG, { token: world.admin, json: { setInFlightRevocation: "abort" } });
    await newTeam(world, "shop");
    const { tokenValue } = await ok<NewToken>("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
    await newStack(tokenValue);
    const { path, lease } = await startUpdate(tokenValue);
    await tried("DELETE", `${ORG}/teams/shop`);
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  });

  it("names the people who would leave with the tokens of a deleted team, because a token added them", async () => {
    await newTeam(world, "shop");
    const { id } = await ok<NewToken>("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
    await env.DB.batch([
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES ('nia', 'nia', 'nia', '', 0)"),
      env.DB.prepare(
        "INSERT INTO members (org_id, user_id, role, created_at, accepted_at, made_with) SELECT id, 'nia', 'member', 0, NULL, ? FROM organizations WHERE name = 'acme'",
      ).bind(id),
    ]);
    const { loses } = await tried("DELETE", `${ORG}/teams/shop`);
    expect(loses.first.map(({ subject }) => subject.name)).toEqual(["ada", "nia", "shop-ci"]);
    expect(loses.first[1]!.organization).toContain("organization:read");
  });

  it("shows what a new token would get, and issues none", async () => {
    await newStack(world.admin);
    const { gains } = await tried("POST", `${ORG}/tokens`, {
      name: "ci",
      roleID: "read-only",
      stacks: [{ project: "web", access: "preview" }],
    });
    expect(gains.first).toMatchObject([{ subject: { kind: "organization-token", name: "ci" }, stacks: { count: 1, first: ["web/dev"] } }]);
    expect((await ok<{ tokens: unknown[] }>("GET", `${ORG}/tokens`, { token: world.admin })).tokens).toEqual([]);
  });

  it("names no stack and no token that the caller may not list", async () => {
    await ok("PATCH", ORG, { token: world.admin, json: { setDefaultStackPermission: 0 } });
    const manager = await newRole("manager", ["team:update", "role:update", "role:read", "team:read"]);
    const harmless = await newRole("harmless", ["team:update"]);
    await newTeam(world, "shop");
    await ok("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
    await ok("PATCH", `${ORG}/members/mel`, { token: world.admin, json: { fgaRoleId: manager } });
    const path = `${ORG}/teams/shop/roles/${harmless}`;
    const kinds = ({ gains }: DryRun) => gains.first.map(({ subject }) => subject.kind);
    expect(kinds(await tried("POST", path, undefined, world.admin))).toEqual(["team", "team-token"]);
    expect(kinds(await tried("POST", path, undefined, world.member))).toEqual(["team"]);

    await newStack(world.admin, "secret", "plan");
    const grant = { addStackPermission: { projectName: "secret", stackName: "plan", permission: 101 } };
    expect((await tried("PATCH", `${ORG}/teams/shop`, grant)).gains.count).toBeGreaterThan(0);
    await refused(404, "PATCH", `${ORG}/teams/shop?dryRun=true`, { token: world.member, json: grant });
  });

  it("counts everyone and names the first hundred", async () => {
    await env.DB.batch(
      Array.from({ length: 150 }, (_, i) => `person-${String(i).padStart(3, "0")}`).flatMap((login) => [
        env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, '', '', 0)").bind(login, login),
        env.DB.prepare(
          "INSERT INTO members (org_id, user_id, role, created_at) SELECT id, ?, 'member', 0 FROM organizations WHERE name = 'acme'",
        ).bind(login),
      ]),
    );
    const { loses } = await tried("PATCH", ORG, { setDefaultStackPermission: 0 });
    expect(loses.count).toBe(151);
    expect(loses.first).toHaveLength(100);
  });

  it("says that more exists than it looked at", async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10005)
       INSERT INTO stacks (id, org_id, project, name, created_at) SELECT 's' || i, (SELECT id FROM organizations WHERE name = 'acme'), 'many', 's' || i, 0 FROM n`,
    ).run();
    const { loses, truncated } = await tried("PATCH", ORG, { setDefaultStackPermission: 0 });
    expect(truncated).toBe(true);
    expect(loses.first[0]!.stacks).toMatchObject({ count: 10_000 });
    expect(loses.first[0]!.stacks.first).toHaveLength(10);
  });
});

describe("a refused dry run", () => {
  it("has the answer of the real call, and its event of a refusal", async () => {
    const id = await newRole("reader", ["stack:read"]);
    await newRole("taken", []);
    await newOrgToken(world, "ci", { roleID: id });
    await newTeam(world, "shop");
    const calls: [number, string, string, unknown?, string?][] = [
      [409, "DELETE", `${ORG}/roles/${id}`],
      [409, "PATCH", `${ORG}/roles/${id}`, { name: "Taken" }],
      [400, "PATCH", `${ORG}/roles/${id}`, { details: { __type: "No" } }],
      [400, "PATCH", `${ORG}/members/ada`, { role: "member" }],
      [404, "PATCH", `${ORG}/members/nobody`, { role: "member" }],
      [409, "PATCH", `${ORG}/teams/shop`, { member: "ada", memberAction: "add" }],
      [404, "DELETE", `${ORG}/teams/nobody`],
      [409, "POST", `${ORG}/tokens`, { name: "ci" }],
      [403, "PATCH", `${ORG}/roles/${id}`, { name: "x" }, world.member],
      [401, "PATCH", `${ORG}/roles/${id}`, { name: "x" }, "pul-0000000000000000000000000000000000000000"],
    ];
    for (const [status, method, path, json, token = world.admin] of calls) {
      const options = { token, ...(json !== undefined && { json }) };
      const recorded = async (query: string) => {
        let message = "";
        const events = await eventsOf(async () => (message = await refused(status, method, path + query, options)));
        return { message, events: events.map(({ event }) => event) };
      };
      expect(await recorded("?dryRun=true"), `${method} ${path}`).toEqual(await recorded(""));
    }
  });

  it("is refused by every other operation that is not a GET", async () => {
    const { id } = await newOrgToken(world, "ci");
    await changesNothing(async () => {
      for (const [method, path, json] of [
        ["POST", `${ORG}/tokens/${id}/disable`],
        ["POST", `${ORG}/teams/pulumi`, { name: "shop" }],
        ["POST", `${ORG}/roles`, { name: "x", details: { __type: "PermissionDescriptorAllow", permissions: [] } }],
        ["POST", `${ORG}/members/gus`, { role: "member" }],
        ["POST", "/api/stacks/acme/web", { stackName: "dev" }],
      ] as const)
        expect(await refused(400, method, `${path}?dryRun=true`, { token: world.admin, ...(json && { json }) })).toContain(
          "has no dry run",
        );
    });
    expect(routes.filter(({ definition }) => definition.dryRun && definition.method === "GET")).toEqual([]);
  });

  it("is refused for a value that is neither true nor false, and for settings whose effect it cannot show", async () => {
    for (const query of ["?dryRun=yes", "?dryRun=", "?dryRun=true&dryRun=false", "?dryrun=true", "?dry_run=true", "?dryRun%20=true"])
      await refused(400, "PATCH", `${ORG}${query}`, { token: world.admin, json: { setDefaultStackPermission: 0 } });
    const { id } = await newOrgToken(world, "ci");
    await newTeam(world, "shop");
    const created = { name: "made", stacks: [{ project: "web" }] };
    for (const [method, path, json, what] of [
      ["PATCH", ORG, { setMaxAccessTokenExpiryDays: 30, setDefaultStackPermission: 0, force: true }, "a policy on expiry"],
      ["PATCH", ORG, { setDisableUnusedTokensAfterDays: 30 }, "a rule on unused tokens"],
      ["PATCH", ORG, { setInFlightRevocation: "abort" }, "a rule on running updates"],
      ["PATCH", ORG, { setMaxDrainHours: 1 }, "a longest drain"],
      ["PATCH", ORG, { setAuditRetentionDays: 1 }, "a retention of audit events"],
      ["PATCH", `${ORG}/tokens/${id}`, { stacks: [{ project: "web" }], ipAllowList: ["203.0.113.0/24"] }, "allowed networks"],
      ["PATCH", `${ORG}/tokens/${id}`, { mayRotateItself: true }, "to rotate itself"],
      ["POST", `${ORG}/tokens`, { ...created, ipAllowList: ["203.0.113.0/24"] }, "allowed networks"],
      ["POST", `${ORG}/tokens`, { ...created, countryAllowList: ["CH"] }, "allowed countries"],
      ["POST", `${ORG}/tokens`, { ...created, mayRotateItself: true }, "to rotate itself"],
      ["POST", `${ORG}/teams/shop/tokens`, { ...created, countryAllowList: ["CH"] }, "allowed countries"],
    ] as const)
      expect(await refused(400, method, `${path}?dryRun=true`, { token: world.admin, json })).toMatch(
        new RegExp(`cannot show the effect of .*${what}`),
      );
    const inAnHour = Math.floor(Date.now() / 1000) + 3600;
    expect((await tried("POST", `${ORG}/tokens`, { ...created, expires: inAnHour, mayRotateItself: false })).gains.count).toBe(1);
    const real = await call("PATCH", `${ORG}?dryRun=false`, { token: world.admin, json: { setDefaultStackPermission: 0 } });
    expect(await real.json()).toMatchObject({ defaultStackPermission: 0 });
  });

  it("is refused in a body, where it would not be read", async () => {
    const id = await newRole("reader", ["stack:read"]);
    const { id: token } = await newOrgToken(world, "ci");
    await newTeam(world, "shop");
    await changesNothing(async () => {
      for (const [method, path, json] of [
        ["PATCH", ORG, { setDefaultStackPermission: 0, dryRun: true }],
        ["PATCH", `${ORG}/roles/${id}`, { name: "x", dry_run: "true" }],
        ["DELETE", `${ORG}/roles/${id}`, { dryRun: true }],
        ["POST", `${ORG}/teams/shop/roles/${id}`, { DryRun: true }],
        ["PATCH", `${ORG}/members/mel`, { role: "admin", dryrun: false }],
        ["DELETE", `${ORG}/members/mel`, { dryRun: true }],
        ["DELETE", `${ORG}/tokens/${token}`, { dryRun: true }],
        ["POST", `${ORG}/tokens/${token}/disable`, { dryRun: true }],
        ["POST", `${ORG}/roles`, { name: "x", details: { __type: "PermissionDescriptorAllow", permissions: [] }, dryRun: true }],
        ["POST", "/api/user/tokens", { description: "x", dryRun: true }],
      ] as const)
        expect(await refused(400, method, path, { token: world.admin, json })).toContain("nothing was done");
    });
    // Members with other names are still accepted, and so are the bodies of the CLI.
    await ok("PATCH", `${ORG}/roles/${id}`, { token: world.admin, json: { name: "x", dry: true, dryRun: null } });
    await ok("POST", "/api/stacks/acme/web", { token: world.admin, json: { stackName: "dev", dryRun: true } });
  });
});

describe("what ends", () => {
  it("shows what a member would lose, with the tokens that the member made, and removes nobody", async () => {
    await newStack(world.admin);
    await newTeam(world, "shop");
    for (const memberAction of ["add", "promote"])
      await ok("PATCH", `${ORG}/teams/shop`, { token: world.admin, json: { member: "mel", memberAction } });
    await ok("PATCH", `${ORG}/members/mel`, { token: world.admin, json: { role: "admin" } });
    const ci = await ok<NewToken>("POST", `${ORG}/tokens`, { token: world.member, json: { name: "ci" } });
    await ok("POST", `${ORG}/invites/link`, { token: world.member, json: { role: "member" } });
    const { id: updateID } = await startUpdate(world.member);
    const running = { projectName: "web", stackName: "dev", updateID, kind: "update" };
    await changesNothing(async () => {
      const kept = await tried("DELETE", `${ORG}/members/mel`);
      expect(kept.loses.first).toMatchObject([{ subject: { name: "mel" }, stacks: { first: ["web/dev"] }, teams: ["shop"] }]);
      expect(kept).toMatchObject({ gains: { count: 0 }, runningUpdates: [running], canceledInvitations: 1 });
      expect(kept.report).toBeUndefined();
      const { loses, report } = await ok<DryRun>("DELETE", `${ORG}/members/mel?tokens=revoke&dryRun=true`, { token: world.admin });
      expect(loses.first.map(({ subject }) => subject.name)).toEqual(["mel", "ci"]);
      expect(report).toMatchObject({ total: 1, ended: [{ name: "ci" }], kept: [] });
      const { canceledInvitations } = await tried("PATCH", `${ORG}/members/mel`, { role: "member" });
      expect(canceledInvitations).toBe(1);
    });
    await ok("GET", ORG, { token: ci.tokenValue });
  });

  it("shows what ends with a token, alone and with everything that it created", async () => {
    const root = await newOrgToken(world, "root", { admin: true, mayRotateItself: true });
    await env.DB.batch([
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES ('nia', 'nia', 'nia', '', 0)"),
      env.DB.prepare(
        "INSERT INTO members (org_id, user_id, role, created_at, accepted_at, made_with) SELECT id, 'nia', 'member', 0, NULL, ? FROM organizations WHERE name = 'acme'",
      ).bind(root.id),
    ]);
    await ok("POST", `${ORG}/invites/link`, { token: root.tokenValue, json: { role: "member" } });
    await newStack(root.tokenValue);
    const { id: updateID, path, lease } = await startUpdate(root.tokenValue);
    const names = ({ first }: DryRun["loses"]) => first.map(({ subject }) => subject.name);
    await changesNothing(async () => {
      const alone = await tried("DELETE", `${ORG}/tokens/${root.id}`);
      expect(names(alone.loses)).toEqual(["nia", "root"]);
      expect(alone.runningUpdates.map((update) => update.updateID)).toEqual([updateID]);
      const all = await ok<DryRun>("DELETE", `${ORG}/tokens/${root.id}?withDescendants=true&dryRun=true`, { token: world.admin });
      expect(names(all.loses)).toEqual(["nia", "root"]);
      expect(all).toMatchObject({ canceledInvitations: 1, report: { total: 2 } });
    });
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
    await newTeam(world, "shop");
    const ofTeam = await ok<NewToken>("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
    expect(names((await tried("DELETE", `${ORG}/teams/shop/tokens/${ofTeam.id}`)).loses)).toEqual(["shop-ci"]);
    // A token of another owner or of another organization does not exist for this call.
    await refused(404, "DELETE", `${ORG}/tokens/${ofTeam.id}?dryRun=true`, { token: world.admin });
    await refused(404, "DELETE", `/api/orgs/globex/tokens/${root.id}?dryRun=true`, { token: world.stranger });
    await refused(403, "DELETE", `${ORG}/tokens/${root.id}?dryRun=true`, { token: world.member });
  });

  it("shows who becomes an administrator of a team, and who no longer is one", async () => {
    await newTeam(world, "shop");
    const change = (memberAction: string, how = tried as typeof real) => how("PATCH", `${ORG}/teams/shop`, { member: "mel", memberAction });
    const real = (method: string, path: string, json: object) => ok<DryRun>(method, path, { token: world.admin, json });
    await change("add", real);
    expect((await change("promote")).gains.first).toMatchObject([{ subject: { name: "mel" }, organization: [], teams: ["shop"] }]);
    await change("promote", real);
    for (const action of ["demote", "remove"]) expect((await change(action)).loses.first).toMatchObject([{ teams: ["shop"] }]);
    const { loses } = await tried("DELETE", `${ORG}/teams/shop`);
    expect(loses.first.map(({ subject, teams }) => [subject.name, teams])).toEqual([
      ["ada", ["shop"]],
      ["mel", ["shop"]],
    ]);
  });
});

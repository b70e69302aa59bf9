import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { archiveOldRecords } from "../../src/audit/archive.ts";
import type { Bindings } from "../../src/env.ts";
import type { Rightsize } from "../../src/rightsize/openapi.ts";
import { settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { deploymentOf, rootStack } from "../support/deployment.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  for (const stack of ["dev", "prod"]) await newStack(world.member, "web", stack);
  await newStack(world.member, "shop", "dev");
});

const rightsizeOf = async (id: string, query = "") => {
  await settledLog();
  return ok<Rightsize>("GET", `/api/orgs/acme/tokens/${id}/rightsize${query}`, { token: world.admin });
};

/** Reads and imports a state, and starts a preview. */
async function work(token: string) {
  await ok("GET", "/api/stacks/acme/web/dev/export", { token });
  await ok("POST", "/api/stacks/acme/web/dev/import", { token, json: deploymentOf([rootStack]) });
  await startUpdate(token, { stack: "web/prod", dryRun: true });
}

it("proposes what a token used, and a token with the proposal can do the same and no more", async () => {
  const token = await newOrgToken(world, "ci", { admin: true });
  await work(token.tokenValue);
  const { events, has, used, unused, unseen, stacks, proposal } = await rightsizeOf(token.id);
  expect(events).toBe(3);
  expect(has.role?.name).toBe("Admin");
  expect(used.map(({ permission, events: times }) => [permission, times])).toEqual([
    ["stack:preview", 1],
    ["stack:export", 1],
    ["stack:import", 1],
  ]);
  expect(proposal.permissions).toEqual(["stack:read", "stack:preview", "stack:export", "stack:import", "stack:encrypt"]);
  expect(proposal.builtIn).toMatchObject({ name: "Member" });
  expect(proposal.builtIn!.beyond).toContain("stack:decrypt");
  expect(unused).toContain("stack:delete");
  expect(unseen).toContain("audit_logs:read");
  expect(stacks.count).toBe(3);
  expect(proposal.stacks).toEqual([
    { project: "web", stack: "dev", access: "write" },
    { project: "web", stack: "prod", access: "preview" },
  ]);

  const role = { name: "least", description: "", uxPurpose: "role", details: proposal.details };
  const { id: roleID } = await ok<{ id: string }>("POST", "/api/orgs/acme/roles", { token: world.admin, json: role });
  const { tokenValue: least } = await newOrgToken(world, "least", { roleID, stacks: proposal.stacks });
  await work(least);
  await refused(403, "POST", "/api/stacks/acme/web/prod/import", { token: least, json: deploymentOf([rootStack]) });
  await refused(403, "DELETE", "/api/stacks/acme/web/dev", { token: least });
  await refused(404, "GET", "/api/stacks/acme/shop/dev", { token: least });
});

it("takes a whole project when all of its stacks were used, and the new name of a renamed stack", async () => {
  const reader = await newOrgToken(world, "reader");
  const robot = await newOrgToken(world, "robot", { admin: true });
  for (const stack of ["web/dev", "web/prod"]) await ok("GET", `/api/stacks/acme/${stack}/export`, { token: reader.tokenValue });
  await newStack(world.member, "shop", "other");
  await ok("POST", "/api/stacks/acme/shop/dev/rename", { token: robot.tokenValue, json: { newName: "main" } });
  const { proposal } = await rightsizeOf(reader.id);
  expect(proposal.stacks).toEqual([{ project: "web", stack: "*", access: "read" }]);
  expect(proposal.builtIn?.name).toBe("Read Only");
  expect((await rightsizeOf(robot.id)).proposal.stacks).toEqual([
    { project: "shop", stack: "dev", access: "write" },
    { project: "shop", stack: "main", access: "write" },
  ]);
});

it("counts what the predecessors of a rotated token did, and no other token", async () => {
  const first = await newOrgToken(world, "ci");
  const other = await newOrgToken(world, "other");
  await ok("GET", "/api/stacks/acme/web/dev/export", { token: first.tokenValue });
  await ok("GET", "/api/stacks/acme/web/prod/export", { token: other.tokenValue });
  const second = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${first.id}/rotate`, { token: world.admin, json: { overlap: 60 } });
  await ok("GET", "/api/stacks/acme/shop/dev/export", { token: second.tokenValue });
  expect((await rightsizeOf(second.id)).stacks.first.map(({ project, stack }) => `${project}/${stack}`).toSorted()).toEqual([
    "shop/dev",
    "web/dev",
  ]);
  expect((await rightsizeOf(first.id)).stacks.count).toBe(1);
});

it("reads archived records, and nothing from before the days that were asked for", async () => {
  const { id, tokenValue: token } = await newOrgToken(world, "ci");
  for (const stack of ["web/dev", "web/prod", "shop/dev"]) await ok("GET", `/api/stacks/acme/${stack}/export`, { token });
  await settledLog();
  const age = (stack: string, days: number) =>
    env.DB.prepare("UPDATE audit_events SET at = at - ? WHERE stack = ?")
      .bind(days * 86_400_000, stack)
      .run();
  await age("web/dev", 80);
  await age("web/prod", 40);
  const touched = ({ stacks }: Rightsize) => stacks.first.map(({ project, stack }) => `${project}/${stack}`).toSorted();
  expect(touched(await rightsizeOf(id))).toEqual(["shop/dev", "web/dev", "web/prod"]);
  expect(touched(await rightsizeOf(id, "?days=60"))).toEqual(["shop/dev", "web/prod"]);
  await env.DB.prepare("UPDATE audit_events SET at = at - ? WHERE stack = ''")
    .bind(70 * 86_400_000)
    .run();
  await env.DB.prepare("UPDATE organizations SET audit_retention_days = 60 WHERE name = 'acme'").run();
  const moved = await archiveOldRecords(env as Bindings, Date.now());
  expect(moved).toBeGreaterThan(0);
  const after = await ok<Rightsize>("GET", `/api/orgs/acme/tokens/${id}/rightsize`, { token: world.admin });
  expect(touched(after)).toEqual(["shop/dev", "web/dev", "web/prod"]);
  expect(after.truncated).toBe(false);
});

it("says from when on it read the log of a token with very many events", async () => {
  const { id } = await newOrgToken(world, "ci");
  await settledLog();
  const now = Date.now();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20010)
     INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin, req_stack_admin, auth_failure)
     SELECT 'many-' || i, (SELECT id FROM organizations WHERE name = 'acme'), ? - i * 1000, CASE WHEN i > 20000 THEN 'stack-deleted' ELSE 'stack-exported' END,
       '', '', 'acme', 'acme', ?, 'ci', 'web/dev', 0, 0, 0 FROM n`,
  )
    .bind(now, id)
    .run();
  const found = await ok<Rightsize>("GET", `/api/orgs/acme/tokens/${id}/rightsize`, { token: world.admin });
  expect(found).toMatchObject({ truncated: true, events: 20_000, from: Math.ceil((now - 20_000 * 1000) / 1000) });
  expect(found.proposal.permissions).toEqual(["stack:read", "stack:export"]);
});

it("works for the tokens of a team, with the rights of the team", async () => {
  await newTeam(world, "shop");
  const { id, tokenValue: token } = await ok<NewToken>("POST", "/api/orgs/acme/teams/shop/tokens", {
    token: world.admin,
    json: { name: "shop-ci" },
  });
  await ok("GET", "/api/stacks/acme/shop/dev/export", { token });
  await settledLog();
  const path = `/api/orgs/acme/teams/shop/tokens/${id}/rightsize`;
  const { has, proposal } = await ok<Rightsize>("GET", path, { token: world.admin });
  expect(has.role).toBeUndefined();
  expect(has.permissions).toContain("stack:write");
  expect(proposal.stacks).toEqual([{ project: "shop", stack: "dev", access: "read" }]);
  await refused(404, "GET", `/api/orgs/acme/tokens/${id}/rightsize`, { token: world.admin });
});

it("says that a token gave rights, and that only the role Admin re-encrypts", async () => {
  const { id, tokenValue: token } = await newOrgToken(world, "robot", { admin: true });
  await ok("POST", "/api/orgs/acme/teams/pulumi", { token, json: { name: "blue", displayName: "Blue", description: "" } });
  await ok("PATCH", "/api/orgs/acme/teams/blue", {
    token,
    json: { addStackPermission: { projectName: "web", stackName: "dev", permission: 102 } },
  });
  const gave = await rightsizeOf(id);
  expect(gave.proposal).toMatchObject({ givesRights: true, permissions: ["team:read", "team:create", "team:update"] });
  await env.DB.prepare("UPDATE audit_events SET event = 'stack-reencrypted' WHERE event = 'team-created'").run();
  expect((await rightsizeOf(id)).proposal).toMatchObject({ details: null, stacks: null, builtIn: { name: "Admin" } });
});

it("is for administrators who are people, and changes nothing", async () => {
  const robot = await newOrgToken(world, "robot", { admin: true });
  const quiet = await newOrgToken(world, "quiet");
  for (const token of [world.member, robot.tokenValue]) await refused(403, "GET", `/api/orgs/acme/tokens/${robot.id}/rightsize`, { token });
  await refused(404, "GET", "/api/orgs/acme/tokens/no-such-token/rightsize", { token: world.admin });
  for (const days of ["29", "91", "x", "60.5"])
    await refused(400, "GET", `/api/orgs/acme/tokens/${robot.id}/rightsize?days=${days}`, { token: world.admin });
  const before = await settledLog();
  const response = await call("GET", `/api/orgs/acme/tokens/${quiet.id}/rightsize?days=30`, { token: world.admin });
  expect(await response.json()).toMatchObject({
    events: 0,
    used: [],
    proposal: { permissions: [], stacks: [], builtIn: { name: "Billing Manager" } },
  });
  expect(await settledLog()).toEqual(before);
});

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import type { DryRun } from "../../src/dryRuns/openapi.ts";
import { allow, give, newRoleId } from "../roles/roles.ts";
import { eventsOf } from "../support/audit.ts";
import { ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { addTo, grant } from "../teams/people.ts";
import { type NewToken, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";

const ORG = "/api/orgs/acme";

/** Makes successful calls of each operation that has a dry run: each would change something. */
it("changes nothing and leaves one event, whatever the operation is", async () => {
  const world = await newWorld();
  await newStack(world.admin);
  for (const name of ["shop", "other"]) await newTeam(world, name);
  await addTo(world.admin, "mel", "shop");
  const role = await newRoleId(world.admin, "reader", allow("stack:read"));
  await newRoleId(world.admin, "held", allow("stack:read", "stack:create"));
  const held = await newRoleId(world.admin, "default", allow("stack:read"));
  await ok("PATCH", `${ORG}/roles/${held}/default`, { token: world.admin });
  await ok("POST", `${ORG}/teams/shop/roles/${role}`, { token: world.admin });
  await give(world.admin, "mel", role);
  await grant(world.admin, 101, "dev", "shop");
  const token = await newOrgToken(world, "ci", { roleID: role });
  const ofTeam = await ok<NewToken>("POST", `${ORG}/teams/shop/tokens`, { token: world.admin, json: { name: "shop-ci" } });
  const own = await newOrgToken(world, "maker", { admin: true });
  await ok("POST", `${ORG}/invites/link`, { token: own.tokenValue, json: { role: "member" } });
  await env.DB.prepare(
    "INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at) SELECT stacks.id, 'user', users.id, 103, 0 FROM stacks, users WHERE login = 'mel'",
  ).run();

  const stacks = [{ project: "web" }];
  const calls: [operationId: string, method: string, path: string, json?: unknown][] = [
    ["UpdateOrganizationSettings", "PATCH", ORG, { setDefaultStackPermission: 0, membersCanCreateStacks: false }],
    ["UpdateOrganizationMember", "PATCH", `${ORG}/members/mel`, { role: "admin" }],
    ["UpdateOrganizationMember", "PATCH", `${ORG}/members/mel`, { fgaRoleId: held }],
    ["DeleteOrganizationMember", "DELETE", `${ORG}/members/mel`],
    ["DeleteOrganizationMember", "DELETE", `${ORG}/members/mel?tokens=revoke`],
    ["UpdateRole", "PATCH", `${ORG}/roles/${role}`, { name: "x", details: allow("stack:read", "stack:export") }],
    ["DeleteRole", "DELETE", `${ORG}/roles/${role}?force=true`],
    ["DeleteRole", "DELETE", `${ORG}/roles/${held}?force=true`],
    ["UpdateOrganizationDefaultRole", "PATCH", `${ORG}/roles/${role}/default`],
    ["UpdateTeam", "PATCH", `${ORG}/teams/shop`, { member: "bill", memberAction: "add" }],
    ["UpdateTeam", "PATCH", `${ORG}/teams/shop`, { member: "mel", memberAction: "remove" }],
    ["UpdateTeam", "PATCH", `${ORG}/teams/shop`, { addStackPermission: { projectName: "web", stackName: "dev", permission: 103 } }],
    ["UpdateTeam", "PATCH", `${ORG}/teams/shop`, { removeStack: { projectName: "web", stackName: "dev" } }],
    ["UpdateTeam", "PATCH", `${ORG}/teams/shop`, { newDisplayName: "Shop", newDescription: "x" }],
    ["DeleteTeam", "DELETE", `${ORG}/teams/shop`],
    ["UpdateTeamRoles", "POST", `${ORG}/teams/other/roles/${role}`],
    ["UpdateTeamRoles", "POST", `${ORG}/teams/shop/roles/${held}`],
    ["DeleteTeamRole", "DELETE", `${ORG}/teams/shop/roles/${role}`],
    ["UpdateTeamStackPermissions", "PATCH", "/api/console/stacks/acme/web/dev/teams/other", { permissions: 103 }],
    ["UpdateTeamStackPermissions", "PATCH", "/api/console/stacks/acme/web/dev/teams/shop", { permissions: 0 }],
    ["DeleteStackPermission", "DELETE", "/api/stacks/acme/web/dev/collaborators/mel"],
    ["CreateOrgToken", "POST", `${ORG}/tokens`, { name: "new", stacks }],
    ["DeleteOrgToken", "DELETE", `${ORG}/tokens/${own.id}`],
    ["DeleteOrgToken", "DELETE", `${ORG}/tokens/${own.id}?withDescendants=true`],
    ["UpdateOrgToken", "PATCH", `${ORG}/tokens/${token.id}`, { stacks, displayName: "x" }],
    ["CreateTeamToken", "POST", `${ORG}/teams/shop/tokens`, { name: "new" }],
    ["DeleteTeamToken", "DELETE", `${ORG}/teams/shop/tokens/${ofTeam.id}`],
    ["DeleteTeamToken", "DELETE", `${ORG}/teams/shop/tokens/${ofTeam.id}?withDescendants=true`],
    ["UpdateTeamToken", "PATCH", `${ORG}/teams/shop/tokens/${ofTeam.id}`, { stacks }],
  ];
  const known = routes.filter(({ definition }) => definition.dryRun).map(({ definition }) => definition.operationId);
  expect(new Set(calls.map(([operationId]) => operationId))).toEqual(new Set(known));

  for (const [operationId, method, path, json] of calls) {
    const tried = `${path}${path.includes("?") ? "&" : "?"}dryRun=true`;
    await changesNothing(async () => {
      const events = await eventsOf(async () => {
        const answer = await ok<DryRun>(method, tried, { token: world.admin, ...(json !== undefined && { json }) });
        expect(answer.dryRun, operationId).toBe(true);
      });
      expect(events, operationId).toMatchObject([{ event: "dry-run", userLogin: "ada" }]);
      expect(events[0]!.description).toContain(`Tried ${operationId} and changed nothing`);
    });
  }
});

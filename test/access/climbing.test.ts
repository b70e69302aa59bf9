import { beforeEach, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import { allow, changeRole, give, newRoleId, tokenWith } from "../roles/roles.ts";

/** Each of these is the input of an attack that once worked. */
const STACK = "/api/stacks/acme/web/dev";
let world: World;
let admin: string;
beforeEach(async () => {
  world = await newWorld();
  admin = world.admin;
  await newStack(admin);
});

it("a start of an update changes no tags for a caller without the right to change them: rights can depend on tags", async () => {
  const isTagged = { __type: "PermissionExpressionHasTag", context: { __type: "PermissionExpressionStack" }, key: "tmp" };
  const details = {
    __type: "PermissionDescriptorGroup",
    entries: [
      allow("stack:read", "stack:write"),
      { __type: "PermissionDescriptorCondition", condition: isTagged, subNode: allow("stack:delete", "stack:export") },
    ],
  };
  const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: await newRoleId(admin, "writer", details) });
  await refused(403, "POST", `${STACK}/tags`, { token, json: { name: "tmp", value: "yes" } });
  const create = { name: "web", runtime: "yaml", main: "", description: "", options: {}, config: {}, metadata: {} };
  const { updateID } = await ok<{ updateID: string }>("POST", `${STACK}/update`, { token, json: create });
  await ok("POST", `${STACK}/update/${updateID}`, { token, json: { tags: { tmp: "yes" } } });
  expect((await ok<{ tags: object }>("GET", STACK, { token })).tags).not.toHaveProperty("tmp");
  await refused(403, "GET", `${STACK}/export`, { token });
});

it("a machine token with limits makes no team token that goes beyond them, and lifts no limits of one", async () => {
  await newTeam(world);
  const TOKENS = "/api/orgs/acme/teams/platform/tokens";
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const short = (await newOrgToken(world, "short", { admin: true, expires: inAnHour })).tokenValue;
  const local = (await newOrgToken(world, "local", { admin: true, ipAllowList: ["192.0.2.0/24"] })).tokenValue;
  const from = { "CF-Connecting-IP": "192.0.2.7" };
  for (const expires of [0, inAnHour + 60])
    expect(await refused(403, "POST", TOKENS, { token: short, json: { name: "long", description: "", expires } })).toContain("has limits");
  expect(await refused(403, "POST", TOKENS, { token: local, headers: from, json: { name: "free", description: "" } })).toContain(
    "has limits",
  );
  await ok("POST", TOKENS, { token: short, json: { name: "shorter", description: "", expires: inAnHour - 60 } });
  const limited = await ok<NewToken>("POST", TOKENS, {
    token: admin,
    json: { name: "limited", description: "", ipAllowList: ["192.0.2.0/24"] },
  });
  for (const [method, path, json] of [
    ["PATCH", "", { ipAllowList: [] }],
    ["POST", "/rotate", {}],
    ["POST", "/enable", {}],
  ] as const)
    await refused(403, method, `${TOKENS}/${limited.id}${path}`, { token: short, json });
});

it("a caller who may only change teams makes nobody an administrator of a team, who could also manage its tokens", async () => {
  await newTeam(world);
  const TEAM = "/api/orgs/acme/teams/platform";
  const token = await tokenWith(world, "team:list", "team:read", "team:update");
  await ok("PATCH", TEAM, { token, json: { member: "mel", memberAction: "add" } });
  await refused(403, "PATCH", TEAM, { token, json: { member: "mel", memberAction: "promote" } });
  const OF_TEAMS = ["team:list", "team:update", "team:list_tokens", "team:create_token", "team:delete_token"];
  await ok("PATCH", TEAM, { token: await tokenWith(world, ...OF_TEAMS), json: { member: "mel", memberAction: "promote" } });
  // The administrator of the team appoints others, and has no right of the organization.
  await ok("PATCH", TEAM, { token: admin, json: { member: "bill", memberAction: "add" } });
  await ok("PATCH", TEAM, { token: world.member, json: { member: "bill", memberAction: "promote" } });
});

it("an invitation gives nothing that its sender could not give any more", async () => {
  const role = await newRoleId(admin, "reader", allow("stack:read"));
  const inviter = await newRoleId(admin, "inviter", allow("invites:create", "stack:read"));
  await give(admin, "mel", inviter);
  const invite = async () =>
    (await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: world.member, json: { roleId: role } })).id;
  const accept = async (id: string) => (await call("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger })).status;
  const [narrowed, still] = [await invite(), await invite()];
  await changeRole(admin, inviter, { details: allow("stack:read") });
  expect(await accept(narrowed)).toBe(409);
  await changeRole(admin, inviter, { details: allow("invites:create", "stack:read") });
  expect(await accept(still)).toBe(204);
});

it("the impact of a token names no stack that the caller may not know", async () => {
  await ok("PATCH", "/api/orgs/acme", { token: admin, json: { setDefaultStackPermission: 0 } });
  await newTeam(world);
  await ok("PATCH", "/api/orgs/acme/teams/platform", { token: admin, json: { member: "mel", memberAction: "add" } });
  await ok("PATCH", "/api/orgs/acme/teams/platform", { token: admin, json: { member: "mel", memberAction: "promote" } });
  const grant = (permission: number) =>
    ok("PATCH", "/api/orgs/acme/teams/platform", {
      token: admin,
      json: { addStackPermission: { projectName: "web", stackName: "dev", permission } },
    });
  await grant(102);
  const made = await ok<NewToken>("POST", "/api/orgs/acme/teams/platform/tokens", { token: admin, json: { name: "ci", description: "" } });
  await startUpdate(made.tokenValue);
  const impact = (token: string) =>
    ok<{ runningUpdates: unknown[] }>("GET", `/api/orgs/acme/teams/platform/tokens/${made.id}/impact`, { token });
  expect((await impact(world.member)).runningUpdates).toHaveLength(1);
  await grant(0);
  expect((await impact(world.member)).runningUpdates).toEqual([]);
  expect((await impact(admin)).runningUpdates).toHaveLength(1);
  const machine = await tokenWith(world, "team:list_tokens");
  expect((await impact(machine)).runningUpdates).toEqual([]);
});

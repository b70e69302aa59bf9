import { beforeEach, describe, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newTeam, newWorld } from "../support/world.ts";
import { ROLES, allow, compose, give, newRole, newRoleId, refusal, tokenWith } from "./roles.ts";

let world: World;
let admin: string;
beforeEach(async () => {
  world = await newWorld();
  admin = world.admin;
});

const MEL = "/api/orgs/acme/members/mel";
const LINK = "/api/orgs/acme/invites/link";

it("lets a token make, change and assign roles with the rights that it has, and with no more", async () => {
  const clerk = await tokenWith(world, "role:read", "role:create", "role:update", "role:delete", "org_member:update", "stack:read", "x:y");
  const reader = await newRoleId(clerk, "reader", allow("stack:read", "stack:list", "x:y"));
  await give(clerk, "mel", reader);
  const writer = await newRoleId(admin, "writer", allow("stack:write"));

  for (const scope of ["stack:write", "org_token:create", "org_member:set_admin", "environment:read"]) {
    expect(await refusal(403, "POST", ROLES, clerk, { name: "more", details: allow(scope) })).toContain(`the right ${scope}`);
    await refusal(403, "PATCH", `${ROLES}/${reader}`, clerk, { details: allow(scope) });
  }
  const onOne = {
    __type: "PermissionDescriptorCondition",
    condition: { __type: "PermissionExpressionHasTag", context: { __type: "PermissionExpressionStack" }, key: "open" },
    subNode: allow("stack:write"),
  };
  for (const details of [onOne, compose(writer)]) await refusal(403, "POST", ROLES, clerk, { name: "more", details });
  await refusal(403, "PATCH", `${ROLES}/${writer}`, clerk, { name: "mine" });
  await refusal(403, "PATCH", `${ROLES}/${writer}`, clerk, { details: allow() });
  await refusal(403, "DELETE", `${ROLES}/${writer}`, clerk);
  await refusal(403, "PATCH", `${ROLES}/${writer}/default`, clerk);
  await refusal(403, "PATCH", `${ROLES}/member/default`, clerk);
  for (const fgaRoleId of [writer, "member", "admin"]) await refusal(403, "PATCH", MEL, clerk, { fgaRoleId });
});

it("lets nobody but an administrator force the end of a role: the default role may give its people more", async () => {
  const clerk = await tokenWith(world, "role:delete", "stack:read");
  const reader = await newRoleId(admin, "reader", allow("stack:read"));
  await give(admin, "mel", reader);
  await refusal(409, "DELETE", `${ROLES}/${reader}`, clerk);
  await refusal(403, "DELETE", `${ROLES}/${reader}?force=true`, clerk);
  const { tokenValue } = await newOrgToken(world, "root", { admin: true });
  await ok("DELETE", `${ROLES}/${reader}?force=true`, { token: tokenValue });
});

it("lets a token invite and add people to roles that it covers, and shows it no other invitation", async () => {
  const id = await newRoleId(admin, "host", allow("invites:read", "invites:create", "org_member:add"));
  const { tokenValue: host } = await newOrgToken(world, "host", { roleID: id });
  await ok("POST", LINK, { token: admin, json: { role: "member" } });
  await ok("POST", LINK, { token: host, json: { roleId: id } });
  const writer = await newRoleId(admin, "writer", allow("stack:write"));
  for (const json of [{ role: "member" }, { role: "admin" }, { roleId: writer }]) await refusal(403, "POST", LINK, host, json);
  await refusal(403, "POST", "/api/orgs/acme/members/gus", host, { role: "member" });
  const { invites } = await ok<{ invites: { roleId?: string }[] }>("GET", "/api/orgs/acme/invites", { token: host });
  expect(invites.map((invite) => invite.roleId)).toEqual([id]);
});

it("keeps what is for people only out of the hands of machines, administrators too", async () => {
  const { tokenValue: root } = await newOrgToken(world, "root", { admin: true });
  for (const scope of ["org_token:create", "org_token:delete", "org_member:set_admin", "stack:transfer"])
    await refusal(403, "POST", ROLES, root, { name: "more", details: allow(scope) });
  const mover = await newRoleId(admin, "mover", allow("stack:transfer"));
  await refusal(403, "PATCH", MEL, root, { fgaRoleId: mover });
  await newRole(root, "any", allow("stack:write", "environment:read"));
  await ok("PATCH", MEL, { token: root, json: { role: "member" } });
});

it("refuses a token that is limited to stacks", async () => {
  const id = await newRoleId(admin, "clerk", allow("role:create", "role:update", "stack:read"));
  const { tokenValue } = await newOrgToken(world, "clerk", { roleID: id, stacks: [{ project: "*" }] });
  await refusal(403, "POST", ROLES, tokenValue, { name: "reader", details: allow("stack:read") });
});

it("never makes an administrator by a role, whatever it names", async () => {
  const id = await newRoleId(
    admin,
    "almost",
    allow("org_token:create", "org_member:set_admin", "org_member:update", "organization:set_access"),
  );
  await give(admin, "mel", id);
  await refusal(403, "POST", "/api/orgs/acme/tokens", world.member, { name: "x" });
  await refusal(403, "PATCH", MEL, world.member, { role: "admin" });
});

describe("who takes a role away from others needs its rights", () => {
  const ROLE = (id: string) => `/api/orgs/acme/teams/platform/roles/${id}`;
  let clerk: string;
  let reader: string;
  let writer: string;
  beforeEach(async () => {
    clerk = await tokenWith(world, "role:read", "role:update", "role:delete", "team:update", "stack:read", "stack:list");
    reader = await newRoleId(admin, "reader", allow("stack:read", "stack:list"));
    writer = await newRoleId(admin, "writer", allow("stack:read", "stack:write"));
    await newTeam(world);
  });

  it("from a team", async () => {
    for (const id of [reader, writer]) await ok("POST", ROLE(id), { token: admin });
    await changesNothing(async () => {
      expect(await refusal(403, "DELETE", ROLE(writer), clerk)).toContain("the right stack:write");
    });
    await ok("DELETE", ROLE(reader), { token: clerk });
    // With the CLI's headers, the assignment replaces the roles of the team.
    const headers = { "User-Agent": "pulumi-cli/1 (v3.259.0; linux)" };
    await changesNothing(() => refused(403, "POST", ROLE(reader), { token: clerk, headers }));
    await ok("POST", ROLE(reader), { token: clerk });
    await ok("DELETE", ROLE(writer), { token: admin });
    await ok("POST", ROLE(reader), { token: clerk, headers });
  });

  it("from all members, by another default role", async () => {
    const other = await newRoleId(admin, "other", allow("stack:read"));
    await changesNothing(async () => {
      // The built-in Member has more rights than the clerk.
      await refusal(403, "PATCH", `${ROLES}/${reader}/default`, clerk);
    });
    await ok("PATCH", `${ROLES}/${writer}/default`, { token: admin });
    await changesNothing(async () => {
      expect(await refusal(403, "PATCH", `${ROLES}/${reader}/default`, clerk)).toContain("the right stack:write");
    });
    await ok("PATCH", `${ROLES}/${reader}/default`, { token: admin });
    await ok("PATCH", `${ROLES}/${other}/default`, { token: clerk });
  });

  it("but an administrator's machine takes away rights of people, which it cannot give", async () => {
    const { tokenValue: root } = await newOrgToken(world, "root", { admin: true });
    const mover = await newRoleId(admin, "mover", allow("stack:transfer"));
    await ok("POST", ROLE(mover), { token: admin });
    await ok("PATCH", `${ROLES}/${mover}/default`, { token: admin });
    await ok("DELETE", ROLE(mover), { token: root });
    await refusal(403, "POST", ROLE(mover), root);
    await ok("PATCH", `${ROLES}/${reader}/default`, { token: root });
    await refusal(403, "PATCH", `${ROLES}/${mover}/default`, root);
    await ok("PATCH", `${ROLES}/${mover}`, { token: root, json: { details: allow() } });
    await ok("DELETE", `${ROLES}/${mover}`, { token: root });
  });
});

import { beforeEach, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Role {
  id: string;
  orgId: string;
  name: string;
  defaultIdentifier: string;
  isOrgDefault: boolean;
}

const roles = async (org = "acme", token = world.admin) =>
  (await ok<{ roles: Role[] }>("GET", `/api/orgs/${org}/roles?uxPurpose=role`, { token })).roles;
const idOf = async (identifier: string, org = "acme", token = world.admin) =>
  (await roles(org, token)).find((role) => role.defaultIdentifier === identifier)!.id;

it("lists the built-in roles, with ids that each organization has for itself", async () => {
  expect((await roles()).map((role) => [role.name, role.defaultIdentifier, role.isOrgDefault])).toEqual([
    ["Admin", "admin", false],
    ["Member", "member", true],
    ["Billing Manager", "billing-manager", false],
    ["Read Only", "stack-read", false],
  ]);
  expect(await roles()).toEqual(await roles());
  expect(await idOf("admin")).not.toBe(await idOf("admin", "globex", world.stranger));
});

it("lists the built-in permission sets, with ids that stay", async () => {
  const sets = () => ok<{ roles: Role[] }>("GET", "/api/orgs/acme/roles?uxPurpose=set", { token: world.admin });
  const { roles: listed } = await sets();
  expect(listed.map((set) => [set.name, set.defaultIdentifier])).toEqual([
    ["Stack Read", "stack-read"],
    ["Stack Write", "stack-write"],
    ["Stack Admin", "stack-admin"],
    ["Read Only", ""],
    ["Standard", ""],
    ["Organization Settings Billing", ""],
  ]);
  expect(await sets()).toEqual({ roles: listed });
  for (const set of listed) expect(await ok("GET", `/api/orgs/acme/roles/${set.id}`, { token: world.admin })).toEqual(set);
});

it("has none for other purposes, and refuses to guess one", async () => {
  for (const purpose of ["role_private", "role_temporary", "policy"])
    expect(await ok("GET", `/api/orgs/acme/roles?uxPurpose=${purpose}`, { token: world.admin })).toEqual({ roles: [] });
  for (const query of ["", "?uxPurpose=", "?uxPurpose=token"])
    expect(await refused(400, "GET", `/api/orgs/acme/roles${query}`, { token: world.admin })).toMatch(/^Role purpose is not valid/);
});

it("gives one role by its id, and none of another organization", async () => {
  const id = await idOf("member");
  expect(await ok("GET", `/api/orgs/acme/roles/${id}`, { token: world.admin })).toMatchObject({ id, name: "Member", version: 1 });
  const foreign = await idOf("member", "globex", world.stranger);
  for (const unknown of [foreign, "x", "%2F"])
    expect(await refused(404, "GET", `/api/orgs/acme/roles/${unknown}`, { token: world.admin })).toBe("Not Found: Role not found");
});

it("is what members have, and what they are given", async () => {
  const { members } = await ok<{ members: { user: { githubLogin: string }; fgaRole: { id: string } }[] }>("GET", "/api/orgs/acme/members", {
    token: world.admin,
  });
  expect(members.find((member) => member.user.githubLogin === "mel")!.fgaRole.id).toBe(await idOf("member"));

  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { fgaRoleId: await idOf("admin") } });
  await newOrgToken({ ...world, admin: world.member }, "by-mel");
  const foreign = await idOf("member", "globex", world.stranger);
  for (const fgaRoleId of [foreign, await idOf("stack-read"), "x"])
    expect(await refused(400, "PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "member", fgaRoleId } })).toBe(
      "Invalid parameter 'roleID'.",
    );
});

import { beforeEach, describe, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  // The administrator creates the stack, because a stack's creator has more rights on it than a member.
  await newStack(world.admin);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const base = "You do not have permission to perform this operation: ";
const withRole = async (roleID: string, more: Record<string, unknown> = {}) =>
  (await newOrgToken(world, `t-${roleID}-${Object.keys(more).length}`, { roleID, ...more })).tokenValue;

describe("a 403 says why:", () => {
  it.each([
    ["up", "POST", `${STACK_PATH}/update`, {}, "stack:write"],
    ["stack init", "POST", "/api/stacks/acme/web", { stackName: "new" }, "stack:create"],
    ["stack rename", "POST", `${STACK_PATH}/rename`, { newName: "new" }, "stack:rename"],
    ["stack tag set", "PATCH", `${STACK_PATH}/tags`, {}, "stack_tags:update"],
    ["cancel", "POST", `${STACK_PATH}/update/u/cancel`, {}, "stack:cancel_update"],
    ["stack rm", "DELETE", STACK_PATH, undefined, "stack:delete"],
    ["stack import", "POST", `${STACK_PATH}/import`, { version: 3, deployment: {} }, "stack:import"],
  ])("the role of a read-only token, for %s", async (_, method, path, json, right) => {
    expect(await refused(403, method, path, { token: await withRole("read-only"), json })).toBe(
      `${base}the role of this access token is read-only, which does not include the right ${right}; an administrator of acme can grant it.`,
    );
  });

  it("the role of a person", async () => {
    expect(await refused(403, "GET", STACK_PATH, { token: world.billing })).toBe(
      `${base}your role in acme is billing-manager, which does not include the right stack:read; an administrator of acme, or of the stack web/dev, can grant it.`,
    );
    expect(await refused(403, "GET", "/api/orgs/acme/tokens", { token: world.member })).toBe(
      `${base}your role in acme is member, which does not include the right org_token:read; an administrator of acme can grant it.`,
    );
  });

  it("the settings of the organization for its members, people and machines", async () => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setMembersCanCreateStacks: false } });
    const create = (token: string) => refused(403, "POST", "/api/stacks/acme/web", { token, json: { stackName: "new" } });
    const settings = "and the settings of acme do not give its members the right stack:create; an administrator of acme can grant it.";
    expect(await create(world.member)).toBe(`${base}your role in acme is member, ${settings}`);
    expect(await create(await withRole("member"))).toBe(`${base}the role of this access token is member, ${settings}`);
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setDefaultStackPermission: 101 } });
    expect(await refused(403, "DELETE", STACK_PATH, { token: world.member })).toBe(
      `${base}your role in acme is member, and the permission of acme's members on stacks is read, which does not include the right stack:delete; an administrator of acme, or of the stack web/dev, can grant it.`,
    );
  });

  it.each([
    ["read", "POST", `${STACK_PATH}/preview`, "stack:preview"],
    ["read", "POST", `${STACK_PATH}/rename`, "stack:rename"],
    ["preview", "POST", `${STACK_PATH}/update`, "stack:write"],
    ["preview", "DELETE", STACK_PATH, "stack:delete"],
  ])("the limit of a token to stacks: %s, %s %s", async (access, method, path, right) => {
    const token = await withRole("member", { stacks: [{ project: "web", stack: "dev", access }] });
    const json = method === "POST" ? { newName: "new" } : undefined;
    expect(await refused(403, method, path, { token, json })).toBe(
      `${base}this access token is limited to certain stacks, and its limits do not give the right ${right} on web/dev; an administrator of acme can change that.`,
    );
  });

  it("the limit of a token to stacks, in the same words whether the stack exists or not", async () => {
    await newStack(world.member, "web", "prod");
    const token = await withRole("member", { stacks: [{ project: "web", stack: "dev" }] });
    const create = (stackName: string) => refused(403, "POST", "/api/stacks/acme/web", { token, json: { stackName } });
    const rename = (newName: string) => refused(403, "POST", `${STACK_PATH}/rename`, { token, json: { newName } });
    for (const [call, right] of [
      [create, "stack:create"],
      [rename, "stack:rename"],
    ] as const) {
      const [there, none] = [await call("prod"), await call("none")];
      expect(there).toBe(
        `${base}this access token is limited to certain stacks, and its limits do not give the right ${right} on web/prod; an administrator of acme can change that.`,
      );
      expect(none).toBe(there.replace("prod", "none"));
    }
  });

  it("a person is needed for tokens, administrators and access", async () => {
    const admin = (await newOrgToken(world, "root", { admin: true })).tokenValue;
    const { id } = await newOrgToken(world, "ci");
    const person = (what: string) =>
      `${base}only a person may ${what}, with a personal access token. No organization access token may, whatever its role.`;
    const tokens = "/api/orgs/acme/tokens";
    expect(await refused(403, "POST", tokens, { token: admin, json: { name: "x" } })).toBe(person("create organization access tokens"));
    expect(await refused(403, "DELETE", `${tokens}/${id}`, { token: admin })).toBe(person("delete organization access tokens"));
    expect(await refused(403, "POST", `${tokens}/${id}/rotate`, { token: admin, json: {} })).toBe(
      person("change organization access tokens"),
    );
    for (const [method, path, json] of [
      ["POST", "/api/orgs/acme/members/gus", { role: "admin" }],
      ["PATCH", "/api/orgs/acme/members/mel", { role: "admin" }],
      ["DELETE", "/api/orgs/acme/members/ada", undefined],
      ["POST", "/api/orgs/acme/invites/link", { role: "admin" }],
    ] as const)
      expect(await refused(403, method, path, { token: admin, json })).toBe(person("make, change or remove an administrator"));
    expect(await refused(403, "PATCH", "/api/orgs/acme", { token: admin, json: { setAllowedCountries: ["DE"] } })).toBe(
      person("change who has access to the organization and for how long"),
    );
    expect(await refused(403, "POST", `${STACK_PATH}/transfer`, { token: admin, json: { toOrg: "globex" } })).toBe(
      person("move stacks between organizations"),
    );
    expect(await refused(403, "GET", "/api/user/tokens", { token: admin })).toBe(
      "This operation needs a personal access token: only a person may do it, not an organization access token.",
    );
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const rolesOf = async (token: string) =>
  (await ok<{ organizations: { githubLogin: string; role: string }[] }>("GET", "/api/user", { token })).organizations.map(
    ({ githubLogin, role }) => [githubLogin, role],
  );

/** Roles of `organizations[].role` in the public contract; support/client.ts compares every answer with it too. */
const contractRoles = ["none", "member", "admin", "potential-member", "stack-collaborator", "billing-manager"];

describe("the current user", () => {
  it.each(["admin", "member", "billing-manager", "read-only"])(
    "has a role of the contract's list with a token of the role %s",
    async (role) => {
      const { tokenValue } = await newOrgToken(world, "ci", { roleID: role });
      const [[, shown]] = (await rolesOf(tokenValue)) as [[string, string]];
      expect(contractRoles).toContain(shown);
      expect(shown).toBe(role === "read-only" ? "member" : role);
    },
  );

  it("has the person's role in each organization", async () => {
    await ok("POST", "/api/orgs/globex/members/bill", { token: world.stranger, json: { role: "admin" } });
    await ok("POST", "/api/user/organizations/globex/accept", { token: world.billing });
    expect(await rolesOf(world.billing)).toEqual([
      ["acme", "billing-manager"],
      ["globex", "admin"],
    ]);
    expect(await rolesOf(await newTeamToken())).toEqual([["acme", "member"]]);
  });
});

describe("the default organization", () => {
  const chosen = async (token: string) =>
    (await ok<{ GitHubLogin: string }>("GET", "/api/user/organizations/default", { token })).GitHubLogin;

  it("is empty for a person in no organization", async () => {
    expect(await chosen(world.member)).toBe("acme");
    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    expect(await chosen(world.member)).toBe("");
    expect(await rolesOf(world.member)).toEqual([]);
  });

  it("is the organization of a token, whatever its role", async () => {
    for (const roleID of ["read-only", "billing-manager"])
      expect(await chosen((await newOrgToken(world, roleID, { roleID })).tokenValue)).toBe("acme");
  });
});

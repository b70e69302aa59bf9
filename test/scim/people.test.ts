import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type World, newStack, newTeam, newWorld } from "../support/world.ts";
import { allowing, exchange, exchanged, newIdp, ofPerson } from "../oidc/support/idp.ts";
import { closeStacks } from "../teams/people.ts";
import { type Scim, good, newScimToken, patchOf, scimClient, userOf } from "./support/client.ts";

let world: World;
let scim: Scim;
beforeEach(async () => {
  world = await newWorld();
  scim = scimClient(await newScimToken(world));
});

const active = (value: boolean) => patchOf({ op: "replace", path: "active", value });
const membersOfAcme = async () =>
  (
    await ok<{ members: { user: { githubLogin: string }; role: string }[] }>("GET", "/api/orgs/acme/members", { token: world.admin })
  ).members
    .map(({ user, role }) => `${user.githubLogin} ${role}`)
    .sort();

describe("accounts", () => {
  it("makes an account with the default role for a person whom the organization does not have", async () => {
    const user = await good(
      scim,
      "POST",
      "/Users",
      userOf("Zoë.Ray@acme.example", { externalId: "e1", emails: [{ value: "z@acme.example", primary: true }] }),
    );
    expect(user).toMatchObject({ userName: "Zoë.Ray@acme.example", externalId: "e1", active: true });
    expect(await membersOfAcme()).toContain("Zoe-Ray member");
  });

  it("never takes an account of another organization, whatever its login or address", async () => {
    await env.DB.prepare("UPDATE users SET email = 'gus@globex.example' WHERE login = 'gus'").run();
    await good(scim, "POST", "/Users", userOf("gus", { emails: [{ value: "gus@globex.example" }] }));
    expect(await membersOfAcme()).toContain("gus-2 member");
    expect(await membersOfAcme()).not.toContain("gus member");
  });

  it("links a member by login, and one by address", async () => {
    await env.DB.prepare("UPDATE users SET email = 'Bill@acme.example' WHERE login = 'bill'").run();
    await good(scim, "POST", "/Users", userOf("MEL"));
    await good(scim, "POST", "/Users", userOf("bill.gray@acme.example", { emails: [{ value: "bill@ACME.example" }] }));
    expect(await membersOfAcme()).toEqual(["ada admin", "bill billing-manager", "mel member"]);
  });

  it("links the account that a sign-in through the organization's connection has linked to the subject", async () => {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO connections (id, org_id, kind, name, issuer, client_id, client_secret, allowed_domains, first_role, group_claim, group_scope,
           group_mappings, enabled, created_at, modified_at, made_with)
         SELECT 'c', id, 'oidc', 'idp', 'https://idp.example', 'x', '', '[]', 'member', '', '', '[]', 1, 0, 0, '' FROM organizations WHERE name = 'acme'`,
      ),
      env.DB.prepare(
        `INSERT INTO identities (id, connection_id, org_id, issuer, subject, user_id, email, created_at, last_sign_in_at)
         SELECT 'i', 'c', (SELECT id FROM organizations WHERE name = 'acme'), 'https://idp.example', 'sub-1', id, '', 0, 0 FROM users WHERE login = 'bill'`,
      ),
    ]);
    await good(scim, "POST", "/Users", userOf("mel", { externalId: "sub-1" }));
    const described = (await settledLog()).filter((one) => one.event === "scim-user-created").map(({ description }) => description);
    expect(described.join()).toContain("account bill");
  });
});

describe("a deactivation", () => {
  it("ends every access at once, says why, and is restored without the older tokens", async () => {
    await newTeam(world, "red");
    await ok("PATCH", "/api/orgs/acme/teams/red", { token: world.admin, json: { member: "mel", memberAction: "add" } });
    await newStack(world.member);
    const { tokenValue: second } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
      token: world.member,
      json: { description: "second" },
    });
    const { id } = await good(scim, "POST", "/Users", userOf("mel"));
    expect((await good(scim, "PATCH", `/Users/${id}`, active(false))).active).toBe(false);

    for (const token of [world.member, second])
      expect(await refused(403, "GET", "/api/stacks/acme/web/dev", { token })).toContain(
        "Your account was deactivated by the identity provider of organization acme",
      );
    await ok("GET", "/api/user", { token: world.member });
    expect(await membersOfAcme()).not.toContain("mel member");
    expect((await good(scim, "GET", `/Users/${id}`)).active).toBe(false);
    expect((await good(scim, "GET", `/Users?filter=${encodeURIComponent('userName eq "MEL"')}`)).totalResults).toBe(1);

    expect((await good(scim, "PATCH", `/Users/${id}`, active(true))).active).toBe(true);
    expect(await membersOfAcme()).toContain("mel member");
    expect((await ok<{ teams: string[] }>("GET", "/api/orgs/acme/members/mel/teams", { token: world.admin })).teams).toEqual(["red"]);
    expect(await refused(403, "GET", "/api/stacks/acme/web/dev", { token: world.member })).toContain("is older than the time");
    // With this token the membership can be neither accepted nor left.
    await refused(404, "POST", "/api/user/organizations/acme/accept", { token: world.member });
    await refused(404, "DELETE", "/api/user/organizations/acme", { token: world.member });
    const { tokenValue: heir } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
      token: world.member,
      json: { description: "heir" },
    });
    expect(await refused(403, "GET", "/api/stacks/acme/web/dev", { token: heir })).toContain("is older than the time");
    const events = (await settledLog()).map(({ event, tokenName, description }) => `${event} ${tokenName} ${description}`);
    expect(events).toContain('scim-user-deactivated okta Deactivated user "mel": account mel has no access any more.');
    expect(events).toContain('scim-user-activated okta Activated user "mel": account mel has access.');
  });

  it("is restored with the grants on stacks, and with the older tokens if the organization has chosen that", async () => {
    await newStack(world.member);
    await closeStacks(world.admin);
    await ok("PATCH", "/api/orgs/acme/scim", { token: world.admin, json: { restoresTokens: true } });
    const { id } = await good(scim, "POST", "/Users", userOf("mel"));
    await good(scim, "PATCH", `/Users/${id}`, active(false));
    await refused(403, "GET", "/api/stacks/acme/web/dev", { token: world.member });
    await good(scim, "PATCH", `/Users/${id}`, active(true));
    await ok("GET", "/api/stacks/acme/web/dev", { token: world.member });
    expect((await call("GET", "/api/user/stacks", { token: world.member })).status).toBe(200);
  });

  it("ends the tokens of a pipeline that acts as the person, and their exchange", async () => {
    const idp = await newIdp(world, [{ ...allowing({ tokenType: "personal" }), userLogin: "mel" }]);
    const { access_token: token } = await exchanged(await idp.token(), ofPerson("mel"));
    await ok("GET", "/api/orgs/acme/members", { token });
    const { id } = await good(scim, "POST", "/Users", userOf("mel"));
    await good(scim, "PATCH", `/Users/${id}`, active(false));
    await refused(403, "GET", "/api/orgs/acme/members", { token });
    expect((await exchange(await idp.token(), ofPerson("mel"))).status).toBe(400);
    await good(scim, "PATCH", `/Users/${id}`, active(true));
    await refused(403, "GET", "/api/orgs/acme/members", { token });
    const again = await exchanged(await idp.token(), ofPerson("mel"));
    await ok("GET", "/api/orgs/acme/members", { token: again.access_token });
  });

  it("is told to no credential that is valid in another organization only", async () => {
    const { id } = await good(scim, "POST", "/Users", userOf("mel"));
    await good(scim, "PATCH", `/Users/${id}`, active(false));
    await refused(403, "GET", "/api/orgs/acme/members", { token: world.member });
    await env.DB.exec(
      "UPDATE access_tokens SET only_org_id = (SELECT id FROM organizations WHERE name = 'globex') WHERE user_id = (SELECT id FROM users WHERE login = 'mel')",
    );
    await refused(404, "GET", "/api/orgs/acme/members", { token: world.member });
  });

  it("never removes the last administrator, and records that", async () => {
    const { id } = await good(scim, "POST", "/Users", userOf("ada"));
    for (const [method, json] of [
      ["PATCH", active(false)],
      ["PUT", userOf("ada", { active: false })],
      ["DELETE", undefined],
    ] as const) {
      const answer = await scim(method, `/Users/${id}`, json && { json });
      expect(answer.status).toBe(409);
      expect(answer.body.detail).toContain("last administrator");
    }
    expect(await membersOfAcme()).toContain("ada admin");
    expect((await settledLog()).filter((one) => one.event === "scim-user-kept")).toHaveLength(3);
  });

  it("of a deleted user ends the links too, and a new user of that name gets the account that SCIM had made", async () => {
    const first = await good(scim, "POST", "/Users", userOf("zoe"));
    expect((await scim("DELETE", `/Users/${first.id}`)).status).toBe(204);
    expect((await scim("DELETE", `/Users/${first.id}`)).status).toBe(404);
    expect(await membersOfAcme()).not.toContain("zoe member");
    const second = await good(scim, "POST", "/Users", userOf("zoe"));
    expect(second.id).not.toBe(first.id);
    expect(await membersOfAcme()).toContain("zoe member");
  });
});

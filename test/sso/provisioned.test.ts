import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { type Scim, good, newScimToken, patchOf, scimClient, userOf } from "../scim/support/client.ts";
import { Browser, CONNECTIONS, type Connected, FakeIdp, connect, eve, join, prove, row, signInAgain } from "./support/idp.ts";

let world: World;
let acme: Connected;
let scim: Scim;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  scim = scimClient(await newScimToken(world));
});

/** The path to which a sign-in through the organization's provider leads. */
const arrives = async (claims = eve(), browser = new Browser()) => browser.led(acme.idp.visit(browser, "/login/acme/sso", { claims }));
const refusal = (claims = eve(), browser = new Browser()) => browser.shown(acme.idp.visit(browser, "/login/acme/sso", { claims }), 403);
const setActive = (id: string, active: boolean) => good(scim, "PATCH", `/Users/${id}`, patchOf({ op: "replace", value: { active } }));
const accountOf = (id: string) => row<{ user_id: string }>("SELECT user_id FROM scim_users WHERE id = ?", id);
const identities = () => row<{ n: number }>("SELECT count(*) AS n FROM identities");

describe("a person whom SCIM made", () => {
  it.each([
    ["by the external id, which is the subject", userOf("someone@acme.example", { externalId: eve()["sub"] as string }), {}],
    ["by the name at the provider", userOf("eve"), { preferred_username: "eve" }],
    ["by the confirmed address", userOf("Eve@Acme.example"), { preferred_username: "other" }],
  ])("signs in to the account that SCIM made, found %s", async (_, user, claims) => {
    const { id } = await good(scim, "POST", "/Users", user);
    await signInAgain(acme, eve(claims));
    expect(await row("SELECT user_id FROM identities")).toEqual(await accountOf(id as string));
    expect(await row("SELECT count(*) AS n FROM members WHERE user_id = (SELECT user_id FROM identities)")).toEqual({ n: 1 });
  });

  it("is not found by an address that the provider does not confirm", async () => {
    await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    expect(await arrives(eve({ preferred_username: "somebody", email_verified: false }))).toBe("/login/first");
    expect(await identities()).toEqual({ n: 0 });
  });

  it("is not taken over by another person of the provider who takes the same name", async () => {
    await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    await signInAgain(acme);
    expect(await arrives(eve({ sub: "mallory", email: "mallory@acme.example" }))).toBe("/login/first");
    expect(await identities()).toEqual({ n: 1 });
  });

  it("is not taken over by a name that its holder chooses, if SCIM has sent another subject", async () => {
    await prove();
    await good(scim, "POST", "/Users", userOf("eve", { externalId: "00u-eve" }));
    const browser = new Browser();
    expect(await arrives(eve({ sub: "mallory", email: "mallory@acme.example", preferred_username: "eve" }), browser)).toBe("/login/first");
    // A second account would stay when SCIM deactivates the first one.
    expect(await browser.shown(browser.post("/login/first", { as: "new" }), 403)).toContain("already manages an account for you");
    expect(await identities()).toEqual({ n: 0 });
  });

  it("is not taken over by a login at GitHub, which everybody can choose", async () => {
    await good(scim, "POST", "/Users", userOf("octo"));
    const idp = new FakeIdp();
    const answer = (path: string, value: unknown) => idp.put(path, { body: JSON.stringify(value) });
    await answer("/api/v3/user", { id: 7, login: "octo", name: "Octo" });
    await answer("/api/v3/user/emails", [{ email: "octo@evil.example", primary: true, verified: true }]);
    await answer("/login/oauth/access_token", { access_token: "gho_x", token_type: "bearer" });
    const json = { kind: "github", name: "GitHub", issuer: idp.url, clientId: "c", clientSecret: "s" };
    const { id } = await ok<{ id: string }>("POST", CONNECTIONS, { token: world.admin, json });
    const browser = new Browser();
    const there = new URL(await browser.led(browser.get(`/login/acme/sso?connection=${id}`)));
    const back = `${there.searchParams.get("redirect_uri")}?code=c&state=${there.searchParams.get("state")}`;
    expect(await browser.led(browser.get(back))).toBe("/login/first");
    await browser.shown(browser.post("/login/first", { as: "new" }), 403);
    expect([await identities(), browser.session]).toEqual([{ n: 0 }, undefined]);
  });

  it("is found by a new subject, when the provider has sent it by SCIM", async () => {
    const { id } = await good(scim, "POST", "/Users", userOf("eve@acme.example", { externalId: "00u-eve" }));
    await signInAgain(acme);
    expect(await arrives(eve({ sub: "00u-new" }))).toBe("/login/first");
    await good(scim, "PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "externalId", value: "00u-new" }));
    await signInAgain(acme, eve({ sub: "00u-new" }));
    expect(await row("SELECT count(*) AS n, count(DISTINCT user_id) AS accounts FROM identities")).toEqual({ n: 2, accounts: 1 });
  });

  it("cannot sign in while deactivated, by another account that the person has", async () => {
    await prove();
    await join(acme);
    const { id } = await good(scim, "POST", "/Users", userOf("other", { emails: [{ value: "second@acme.example" }] }));
    const second = eve({ email: "second@acme.example", preferred_username: "second" });
    await signInAgain(acme, second);
    await setActive(id as string, false);
    expect(await refusal(second)).toContain("has deactivated your account");
    expect(await refusal(eve({ ...second, sub: "unknown" }))).toContain("has deactivated your account");
  });

  it("whom an administrator has removed by hand comes back without the older sessions", async () => {
    const { id } = await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    const before = await signInAgain(acme);
    await before.shown(before.get("/acme"));
    await ok("DELETE", "/api/orgs/acme/members/eve", { token: world.admin });
    await before.shown(before.get("/acme"), 404);
    await setActive(id as string, true);
    expect(await before.shown(before.get("/acme"), 403)).toContain("is older than the time");
    const after = await signInAgain(acme);
    await after.shown(after.get("/acme"));
  });

  it("whom an administrator has removed by hand and added again can sign in", async () => {
    await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    await signInAgain(acme);
    await ok("DELETE", "/api/orgs/acme/members/eve", { token: world.admin });
    expect(await refusal()).toContain("has deactivated your account");
    await ok("POST", "/api/orgs/acme/members/eve", { token: world.admin, json: { role: "member" } });
    await signInAgain(acme);
  });

  it("cannot sign in while deactivated, by an identity or for the first time, and can again after the activation", async () => {
    await prove();
    const { id } = await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    await setActive(id as string, false);
    expect(await refusal()).toContain("has deactivated your account");
    await setActive(id as string, true);
    await signInAgain(acme);
    await setActive(id as string, false);
    expect(await refusal()).toContain("has deactivated your account");
    // The names at the provider may have changed, but the identity is the same.
    expect(await refusal(eve({ preferred_username: "other", email: "other@acme.example" }))).toContain("has deactivated your account");
    expect(await row("SELECT count(*) AS n FROM members WHERE user_id = (SELECT user_id FROM identities)")).toEqual({ n: 0 });
    await setActive(id as string, true);
    await signInAgain(acme);
  });
});

it("an account that existed before is not opened by SCIM: its holder links it", async () => {
  await good(scim, "POST", "/Users", userOf("mel", { externalId: "mel-at-acme" }));
  expect(await arrives(eve({ sub: "mel-at-acme", preferred_username: "mel" }))).toBe("/login/first");
  expect(await identities()).toEqual({ n: 0 });
  const { members } = await ok<{ members: { user: { githubLogin: string } }[] }>("GET", "/api/orgs/acme/members", { token: world.admin });
  expect(members.map(({ user }) => user.githubLogin)).toContain("mel");
});

it("a member whom SCIM manages gets no second account: the holder links the first one", async () => {
  await prove();
  const { id } = await good(scim, "POST", "/Users", userOf("mel", { emails: [{ value: "eve@acme.example" }] }));
  const browser = new Browser();
  expect(await arrives(eve(), browser)).toBe("/login/first");
  expect(await browser.shown(browser.get("/login/first"))).not.toContain("Create my account");
  expect(await browser.shown(browser.post("/login/first", { as: "token", token: world.billing }), 403)).toContain("already manages");
  expect(await arrives(eve(), browser)).toBe("/login/first");
  await browser.led(browser.post("/login/first", { as: "token", token: world.member }));
  expect(await row("SELECT user_id FROM identities")).toEqual(await accountOf(id as string));
});

it("a token from before a deactivation links no identity that SCIM does not know", async () => {
  const { id } = await good(scim, "POST", "/Users", userOf("mel", { externalId: "mel-at-acme" }));
  await setActive(id as string, false);
  await setActive(id as string, true);
  const thief = new Browser();
  await arrives(eve({ sub: "unknown" }), thief);
  const answer = thief.post("/login/first", { as: "token", token: world.member });
  expect(await thief.shown(answer, 400)).toContain("is older than the time");
  const mel = new Browser();
  await arrives(eve({ sub: "mel-at-acme" }), mel);
  await mel.led(mel.post("/login/first", { as: "token", token: world.member }));
  await mel.shown(mel.get("/acme"));
});

it("a member who is removed during the sign-in does not come back by it", async () => {
  await good(scim, "POST", "/Users", userOf("eve@acme.example"));
  await signInAgain(acme);
  await env.DB.exec("CREATE TRIGGER removed AFTER UPDATE ON identities BEGIN DELETE FROM members WHERE user_id = NEW.user_id; END");
  onTestFinished(async () => void (await env.DB.exec("DROP TRIGGER removed")));
  const browser = new Browser();
  expect(await browser.shown(acme.idp.visit(browser, "/login/acme/sso", { claims: eve() }), 409)).toContain("Something changed");
  expect(browser.session).toBeUndefined();
});

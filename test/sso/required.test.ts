import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";
import { Browser, type Connected, connect, eve, prove, signInAgain } from "./support/idp.ts";

const SETTINGS = "/api/orgs/acme/sso/settings";
const REAUTH = "/signin/sso/acme/reauth";
let world: World;
let acme: Connected;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  await prove();
});

const set = (json: object, token = world.admin) => ok("PATCH", SETTINGS, { token, json });
const notSet = (json: object, token = world.admin) => refused(400, "PATCH", SETTINGS, { token, json });

/** Signs a person with an account in through acme's connection, for the first time. */
async function link(token: string, sub: string): Promise<Browser> {
  const browser = new Browser();
  await browser.led(acme.idp.visit(browser, "/login/acme/sso?next=%2Facme", { claims: eve({ sub }) }));
  await browser.led(browser.post("/login/first", { as: "token", token }));
  return browser;
}

async function withToken(token: string): Promise<Browser> {
  const browser = new Browser();
  await browser.led(browser.post("/signin", { token, next: "/" }));
  return browser;
}

/** ada has signed in, is the emergency administrator, and has set the organization to require single sign-on of everybody. */
async function required(mode = "people-and-tokens"): Promise<void> {
  await link(world.admin, "ada");
  await set({ required: mode, emergencyAdmins: ["ada"] });
}

const makeStack = (token: string, project = "web") => ({
  method: "POST",
  path: `/api/stacks/acme/${project}`,
  options: { token, json: { stackName: "dev" } },
});
const tokenIdOf = async (login: string) =>
  (await env.DB.prepare(
    "SELECT access_tokens.id FROM access_tokens JOIN users ON users.id = user_id WHERE login = ? AND kind = 'personal' ORDER BY access_tokens.created_at",
  )
    .bind(login)
    .first<string>("id"))!;

describe("the requirement of single sign-on", () => {
  it("can be switched on only by somebody who has just signed in, and with an emergency administrator", async () => {
    expect(await notSet({ required: "people" })).toContain("emergency administrator");
    expect(await notSet({ required: "people", emergencyAdmins: ["ada"] })).toContain("sign in through a connection");
    expect(await notSet({ required: "people", emergencyAdmins: ["mel"] })).toContain("mel is not an administrator");
    for (const json of [{ required: "yes" }, { reauthDays: -1 }, { sessionHours: 0 }, { emergencyAdmins: "ada" }]) await notSet(json);
    await link(world.admin, "ada");
    const events = await eventsOf(() => set({ required: "people", emergencyAdmins: ["ada"] }));
    expect(events).toMatchObject([{ event: "saml-configuration-updated", userLogin: "ada" }]);
    expect(await ok("GET", SETTINGS, { token: world.admin })).toEqual({
      required: "people",
      reauthDays: 30,
      sessionHours: 12,
      emergencyAdmins: ["ada"],
    });
    await refused(403, "PATCH", SETTINGS, { token: world.member, json: { required: "off" } });
  });

  it("never shuts out the last administrator", async () => {
    await required("people");
    expect(await notSet({ emergencyAdmins: [] })).toContain("emergency administrator");
    const connection = `/api/orgs/acme/sso/connections/${acme.id}`;
    expect(await refused(409, "DELETE", connection, { token: world.admin })).toContain("switch the requirement off first");
    expect(await refused(409, "PATCH", connection, { token: world.admin, json: { enabled: false } })).toContain(
      "switch the requirement off first",
    );
    await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
    // ada is not the last administrator any more, but still the last one who can sign in without the provider.
    expect(await refused(400, "PATCH", "/api/orgs/acme/members/ada", { token: world.admin, json: { role: "member" } })).toContain(
      "emergency administrators",
    );
    await refused(400, "DELETE", "/api/orgs/acme/members/ada", { token: world.admin });
    await set({ required: "off" });
    await ok("DELETE", connection, { token: world.admin });
  });

  it("does not make an emergency administrator of one who lost the role and got it again", async () => {
    await required("people");
    const change = (role: string) => ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role } });
    await change("admin");
    await set({ emergencyAdmins: ["ada", "mel"] });
    await change("member");
    await change("admin");
    expect(await ok("GET", SETTINGS, { token: world.admin })).toMatchObject({ emergencyAdmins: ["ada"] });
  });

  it("of people: sessions of tokens are refused at once, tokens and machines are not", async () => {
    const session = await withToken(world.member);
    await session.shown(session.get("/acme"));
    const robot = await newOrgToken(world, "robot");
    await required("people");
    expect(await session.shown(session.get("/acme"), 403)).toContain("/login/acme/sso");
    await ok("POST", "/api/stacks/acme/web", { token: world.member, json: { stackName: "dev" } });
    await ok("POST", "/api/stacks/acme/robot", { token: robot.tokenValue, json: { stackName: "dev" } });
    const signedIn = await link(world.member, "mel");
    await signedIn.shown(signedIn.get("/acme"));
  });

  it("of people and tokens: a token works after its holder has authorized it, until that is removed or the sign-in is old", async () => {
    const robot = await newOrgToken(world, "robot");
    await ok("GET", "/api/orgs/acme/members", { token: world.member });
    await required();
    const { method, path, options } = makeStack(world.member);
    const events = await eventsOf(async () => {
      expect(await refused(403, method, path, options)).toContain("Authorize it at /signin/sso/acme/reauth");
    });
    expect(events).toMatchObject([{ event: "auth-failure-single-sign-on", userLogin: "mel" }]);
    expect((await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token: world.member })).stacks).toEqual([]);
    await ok("GET", "/api/user", { token: world.member });
    await ok("POST", "/api/stacks/acme/robot", { token: robot.tokenValue, json: { stackName: "dev" } });

    const session = await link(world.member, "mel");
    const id = await tokenIdOf("mel");
    expect(await session.shown(session.get(REAUTH))).toContain(id.slice(0, 8));
    expect(await session.shown(session.post(REAUTH, { token: await tokenIdOf("ada") }), 404)).toContain("Token not found");
    expect(await eventsOf(async () => void (await session.led(session.post(REAUTH, { token: id }))))).toMatchObject([
      { event: "sso-token-authorized" },
    ]);
    await ok(method, path, options);
    const list = await ok<{ authorizations: object[] }>("GET", "/api/orgs/acme/sso/authorizations", { token: world.admin });
    expect(list.authorizations).toMatchObject([{ tokenId: id, userLogin: "mel" }]);

    await env.DB.exec("UPDATE identities SET last_sign_in_at = last_sign_in_at - 31 * 86400000 WHERE subject = 'mel'");
    await env.TOKEN_CACHE.list().then(({ keys }) => Promise.all(keys.map(({ name }) => env.TOKEN_CACHE.delete(name))));
    const old = await call("POST", "/api/stacks/acme/second", { token: world.member, json: { stackName: "dev" } });
    expect([old.status, await old.json()]).toMatchObject([
      401,
      { code: 401, errors: [{ attribute: "acme", errorType: "saml_reauth_required" }] },
    ]);
    await signInAgain(acme, eve({ sub: "mel" }));
    await ok("POST", "/api/stacks/acme/second", { token: world.member, json: { stackName: "dev" } });

    await ok("DELETE", `/api/orgs/acme/sso/authorizations/${id}`, { token: world.admin });
    await refused(404, "DELETE", `/api/orgs/acme/sso/authorizations/${id}`, { token: world.admin });
    await refused(403, "POST", "/api/stacks/acme/third", { token: world.member, json: { stackName: "dev" } });
  });

  it("refuses at once what was authorized through a connection that a leak report disables", async () => {
    const thief = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin, json: { description: "stolen" } });
    await ok("PATCH", `/api/orgs/acme/sso/connections/${acme.id}`, { token: thief.tokenValue, json: { name: "Renamed" } });
    await required();
    const session = await link(world.member, "mel");
    await session.led(session.post(REAUTH, { token: await tokenIdOf("mel") }));
    const { method, path, options } = makeStack(world.member);
    await ok(method, path, options);
    await ok("POST", "/api/token-leaks", { json: { token: thief.tokenValue } });
    await refused(403, method, "/api/stacks/acme/second", options);
  });

  it("leaves emergency administrators alone, and records each use", async () => {
    await required();
    const events = await eventsOf(() => ok("GET", "/api/orgs/acme/members", { token: world.admin }));
    expect(events).toMatchObject([{ event: "emergency-sign-in", userLogin: "ada" }]);
  });

  it("leads the holder of an old token through the provider and back", async () => {
    const nobody = new Browser();
    expect(await nobody.led(nobody.get(REAUTH))).toBe(`/login/acme/sso?next=${encodeURIComponent(REAUTH)}`);
    const session = await withToken(world.member);
    expect(await session.led(session.get(REAUTH))).toBe(`/login/acme/sso?next=${encodeURIComponent(REAUTH)}`);
  });
});

import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { newKey, nowInSeconds, sharedKey } from "../oidc/support/idp.ts";
import { eventsOf } from "../support/audit.ts";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { Browser, type Claims, type Connected, FakeIdp, connect, eve, join, prove, row, signInAgain } from "./support/idp.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
let world: World;
let acme: Connected;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  await prove();
});

const claimsOf = (idp: FakeIdp, more: Claims = {}): Claims => ({
  iss: idp.url,
  aud: idp.clientId,
  iat: nowInSeconds(),
  exp: nowInSeconds() + 120,
  jti: crypto.randomUUID(),
  events: { [EVENT]: {} },
  sub: "00u-eve",
  ...more,
});

async function send(body: string, place = "acme", headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(`https://stackpass.test/login/${place}/sso/backchannel-logout`, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "CF-Connecting-IP": "203.0.113.77", ...headers },
    body,
  });
}

const formOf = (token: string) => String(new URLSearchParams({ logout_token: token }));
const logOut = async (claims: Claims, place = "acme") => send(formOf(await (await sharedKey()).sign(claims, { typ: "logout+jwt" })), place);

async function isSignedIn(browser: Browser, path = "/acme"): Promise<boolean> {
  return (await browser.get(path)).status === 200;
}

describe("a logout at the provider", () => {
  it("ends the sessions that the subject opened through the connection at once, with an event, and no other", async () => {
    const first = await join(acme);
    const second = await signInAgain(acme);
    const other = await join(acme, eve({ sub: "00u-fay", email: "fay@acme.example", preferred_username: "fay" }));
    const byToken = new Browser();
    await byToken.led(byToken.post("/signin", { token: world.admin, next: "/acme" }));
    const events = await eventsOf(async () => {
      const answer = await logOut(claimsOf(acme.idp));
      expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    });
    expect(await Promise.all([first, second, other, byToken].map((browser) => isSignedIn(browser)))).toEqual([false, false, true, true]);
    expect(events).toMatchObject([{ event: "user-session-ended", userLogin: "eve" }]);
    expect(events[0]!.description).toContain('because eve signed out at "Okta": ');
    // There is no session left to end.
    expect(await eventsOf(async () => void expect((await logOut(claimsOf(acme.idp))).status).toBe(200))).toEqual([]);
  });

  it("ends only the session that it names, and those whose id the provider has not told", async () => {
    const untold = await join(acme);
    const [one, two] = [await signInAgain(acme, eve({ sid: "s-1" })), await signInAgain(acme, eve({ sid: "s-2" }))];
    expect((await logOut(claimsOf(acme.idp, { sid: "s-1", sub: undefined }))).status).toBe(200);
    expect(await Promise.all([untold, one, two].map((browser) => isSignedIn(browser)))).toEqual([true, false, true]);
    expect((await logOut(claimsOf(acme.idp, { sid: "s-3" }))).status).toBe(200);
    expect(await Promise.all([untold, two].map((browser) => isSignedIn(browser)))).toEqual([false, true]);
  });

  it("leaves personal tokens of `pulumi login`, and the sessions that they opened", async () => {
    const browser = await join(acme);
    const asked = { cliSessionPort: "8888", cliSessionNonce: "n", cliSessionDescription: "cli" };
    const target = new URL(await browser.led(browser.post("/cli-login", { ...asked, expiry: "never" })));
    const token = target.searchParams.get("accessToken")!;
    const opened = new Browser();
    await opened.led(opened.post("/signin", { token, next: "/acme" }));
    expect((await logOut(claimsOf(acme.idp))).status).toBe(200);
    expect(await Promise.all([browser, opened].map((one) => isSignedIn(one)))).toEqual([false, true]);
    await ok("GET", "/api/user", { token });
  });

  it("ends nothing of another connection, although its provider has the same subject and session", async () => {
    const browser = await join(acme, eve({ sid: "s-1" }));
    const globex = await connect(world, {}, "globex", world.stranger);
    expect((await logOut(claimsOf(globex.idp, { sid: "s-1" }), "globex")).status).toBe(200);
    // acme does not accept a token of globex's connection.
    expect((await logOut(claimsOf(globex.idp, { sid: "s-1" }), "acme")).status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it("works for a provider of the deployment, with an event in each organization of the person", async () => {
    const idp = await FakeIdp.start();
    const vars = env as unknown as Record<string, unknown>;
    vars["SIGN_IN_PROVIDERS"] = JSON.stringify([
      { name: "staff", issuer: idp.url, clientId: idp.clientId, clientSecret: "s", allowedDomains: [] },
    ]);
    onTestFinished(() => void delete vars["SIGN_IN_PROVIDERS"]);
    const browser = new Browser();
    await browser.led(idp.visit(browser, "/login/~staff/sso?next=%2Facme", { claims: eve({ sub: "mel" }) }));
    await browser.led(browser.post("/login/first", { as: "token", token: world.member }));
    expect(await isSignedIn(browser)).toBe(true);
    const events = await eventsOf(async () => void expect((await logOut(claimsOf(idp, { sub: "mel" }), "~staff")).status).toBe(200));
    expect(events).toMatchObject([{ event: "user-session-ended", userLogin: "mel" }]);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it("is done once for each token, also when the token is sent twice at once", async () => {
    const token = formOf(await (await sharedKey()).sign(claimsOf(acme.idp), { typ: "logout+jwt" }));
    const statuses = (await Promise.all([send(token), send(token)])).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400]);
    const browser = await join(acme);
    const again = await send(token);
    expect([again.status, (await again.json<{ error: string }>()).error]).toEqual([400, "invalid_request"]);
    expect(await isSignedIn(browser)).toBe(true);
  });
});

describe("a logout token that is not valid", () => {
  let browser: Browser;
  beforeEach(async () => void (browser = await join(acme, eve({ sid: "s-1" }))));

  it("is refused, whatever it lacks", async () => {
    const faults: [string, Claims][] = [
      ["of another issuer", { iss: "https://other.example" }],
      ["for another client", { aud: "other" }],
      ["without an audience", { aud: undefined }],
      ["that has expired", { exp: nowInSeconds() - 3600 }],
      ["that is old", { iat: nowInSeconds() - 3600, exp: undefined }],
      ["of the future", { iat: nowInSeconds() + 3600 }],
      ["without a time", { iat: undefined }],
      ["without an id", { jti: undefined }],
      ["with an id that is too long", { jti: "j".repeat(300) }],
      ["without the event", { events: undefined }],
      ["with another event", { events: { "https://example.com/other": {} } }],
      ["with an event that is a list", { events: { [EVENT]: [] } }],
      ["with events that are a text", { events: EVENT }],
      ["with a nonce, as an ID token has", { nonce: "n" }],
      ["without a subject and a session", { sub: undefined }],
      ["with a subject that is a number", { sub: 7 }],
      ["with a session that is a list", { sid: ["s-1"] }],
      ["with a session that is too long", { sid: "s".repeat(1000) }],
    ];
    for (const [what, change] of faults) {
      const answer = await logOut(claimsOf(acme.idp, change));
      expect([answer.status, (await answer.json<{ error: string }>()).error], what).toEqual([400, "invalid_request"]);
    }
    expect(await isSignedIn(browser)).toBe(true);
    expect(await row("SELECT count(*) AS n FROM used_sign_ins WHERE id LIKE 'logout%'")).toEqual({ n: 0 });
  });

  it("is refused with a foreign key, without a signature, and as another type of token", async () => {
    const claims = claimsOf(acme.idp);
    const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
    const tokens = [
      await (await newKey("shared")).sign(claims, { typ: "logout+jwt" }),
      `${part({ alg: "none" })}.${part(claims)}.`,
      await (await sharedKey()).sign(claims, { typ: "at+jwt" }),
      "",
      "a.b.c",
      "x".repeat(10_000),
    ];
    for (const token of tokens) expect((await send(formOf(token))).status, token.slice(0, 50)).toBe(400);
    expect((await send("")).status).toBe(400);
    expect((await send(`${formOf("a")}&${formOf("b")}`)).status).toBe(400);
    expect((await send("{}", "acme", { "Content-Type": "application/json" })).status).toBe(400);
    expect((await send(formOf("x".repeat(20_000)))).status).toBe(413);
    for (const place of ["nowhere", "~nowhere", "%00", "a%2fb"]) expect((await logOut(claims, place)).status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it("costs a sender of many its own calls only", async () => {
    const limit = vi.spyOn(env.TOKEN_EXCHANGES, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => limit.mockRestore());
    expect((await logOut(claimsOf(acme.idp))).status).toBe(429);
    expect(limit).toHaveBeenCalledWith({ key: `logout ${acme.id} 203.0.113.77` });
  });

  it("is 503 while the provider does not answer, and counts as not used", async () => {
    const token = formOf(await (await sharedKey()).sign(claimsOf(acme.idp), { typ: "logout+jwt" }));
    await acme.idp.put("/keys", { status: 500, body: "" });
    expect((await send(token)).status).toBe(503);
    expect(await isSignedIn(browser)).toBe(true);
    await acme.idp.put("/keys", { body: JSON.stringify({ keys: [(await sharedKey()).jwk] }) });
    expect((await send(token)).status).toBe(200);
    expect(await isSignedIn(browser)).toBe(false);
  });
});

describe("a sign-in that the provider begins", () => {
  const start = (more: Record<string, string> = {}) =>
    `/login/acme/sso/initiate?${String(new URLSearchParams({ iss: acme.idp.url, ...more }))}`;

  it("is our own flow, with the hint, and leads to the page that the provider names", async () => {
    await join(acme);
    const browser = new Browser();
    const target = { target_link_uri: "https://stackpass.test/acme/~/members?a=b", login_hint: "eve@acme.example" };
    const there = new URL(await browser.led(browser.get(start(target))));
    const sent = there.searchParams;
    expect([there.origin + there.pathname, sent.get("login_hint")]).toEqual([`${acme.idp.url}/authorize`, "eve@acme.example"]);
    for (const name of ["state", "nonce", "code_challenge"]) expect(sent.get(name)!.length).toBeGreaterThan(20);
    const another = new Browser();
    expect(await another.led(acme.idp.visit(another, start(target), { claims: eve() }))).toBe("/acme/~/members?a=b");
  });

  it("leads to no other site", async () => {
    await join(acme);
    const targets = [
      "https://evil.example/acme",
      "//evil.example",
      "javascript:alert(1)",
      "https://stackpass.test//evil.example",
      "x".repeat(9000),
    ];
    for (const target of [...targets, "/acme"]) {
      const browser = new Browser();
      expect(await browser.led(acme.idp.visit(browser, start({ target_link_uri: target }), { claims: eve() })), target.slice(0, 50)).toBe(
        "/",
      );
    }
  });

  it("asks first when a page of another site leads to it", async () => {
    const browser = new Browser();
    const page = await browser.shown(browser.get(start({ login_hint: "e&ve" }), { "Sec-Fetch-Site": "cross-site" }));
    expect(page).toContain("Continue with Okta");
    expect(page).toContain("login_hint=e%26ve");
    expect(browser.cookies.size).toBe(0);
  });

  it("is for issuers of the organization only, and takes no strange hint", async () => {
    const browser = new Browser();
    for (const iss of ["https://evil.example", `${acme.idp.url}/`, ""])
      await browser.shown(browser.get(`/login/acme/sso/initiate?iss=${encodeURIComponent(iss)}`), 404);
    await browser.shown(browser.get("/login/acme/sso/initiate"), 404);
    await browser.shown(browser.get("/login/nowhere/sso/initiate?iss=x"), 404);
    await browser.shown(browser.get(`${start()}&iss=x`), 400);
    for (const login_hint of ["a\nb", "x".repeat(300)]) {
      const there = new URL(await browser.led(browser.get(start({ login_hint }))));
      expect(there.searchParams.has("login_hint")).toBe(false);
    }
  });
});

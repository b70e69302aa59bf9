import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { fromBase64url, toBase64url } from "../../src/bytes/base64.ts";
import { newKey, nowInSeconds, sharedKey } from "../oidc/support/idp.ts";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";
import { Browser, CONNECTIONS, type Connected, type TokenAnswer, connect, eve, join, prove, row } from "./support/idp.ts";

const vars = env as unknown as { LOCAL_DEVELOPMENT: string };
let world: World;
let acme: Connected;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  await prove();
});

/** Expects that a sign-in is refused with a sentence, that it is recorded, and that nobody is signed in. */
async function isRefused(answer: TokenAnswer, sentence: string, change?: (back: URL) => void): Promise<void> {
  const browser = new Browser();
  let page = "";
  const events = await eventsOf(async () => {
    page = await browser.shown(acme.idp.visit(browser, "/login/acme/sso", answer, change), 400);
  });
  expect(page).toContain(sentence);
  expect(page).not.toContain("OAUTH_");
  expect(events).toMatchObject([{ event: "user-login-failed", userLogin: "acme" }]);
  expect([browser.session, await row("SELECT count(*) AS n FROM identities")]).toEqual([undefined, { n: 0 }]);
}

const unsigned = (claims: object, header: object) =>
  [header, claims].map((part) => toBase64url(new TextEncoder().encode(JSON.stringify(part)))).join(".");

/** A token that is signed with the public key as if it were a secret. */
async function hs256(claims: object): Promise<string> {
  const { jwk } = await sharedKey();
  const secret = new TextEncoder().encode(JSON.stringify(jwk));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const text = unsigned(claims, { alg: "HS256", kid: jwk["kid"] });
  return `${text}.${toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text))))}`;
}

/** Presses the button of the page that asks before a sign-in. */
async function pressesContinue(browser: Browser, page: string): Promise<void> {
  const [, action = ""] = /<form method="post" action="(\/login\/acme\/sso[^"]*)"/.exec(page) ?? [];
  const path = action.replaceAll("&amp;", "&");
  expect((await browser.foreignPost(path, {})).status).toBe(403);
  const answer = await browser.post(path, {});
  expect(await browser.shown(answer.clone())).toContain("Continue to Okta");
  expect(answer.headers.get("Refresh")).toContain(`0;url=${acme.idp.url}/authorize?`);
}

const NOT_VALID = "is not valid, so nobody was signed in";

describe("an answer that does not fit is refused", () => {
  it.each([
    ["a foreign state", (back: URL) => back.searchParams.set("state", "x".repeat(43))],
    ["no state", (back: URL) => back.searchParams.delete("state")],
    ["the issuer of another provider (RFC 9207)", (back: URL) => back.searchParams.set("iss", "https://evil.example.com")],
    ["no issuer although the provider sends one", (back: URL) => back.searchParams.delete("iss")],
    ["no code", (back: URL) => back.searchParams.delete("code")],
  ])("%s", (_, change) => isRefused({ claims: eve() }, NOT_VALID, change));

  it.each([
    ["of another client", { claims: { aud: "another" } }],
    ["of several clients, for another one", { claims: { aud: ["stackpass", "another"], azp: "another" } }],
    ["of another issuer", { claims: { iss: "https://evil.example.com" } }],
    ["with another nonce", { claims: { nonce: "replayed" } }],
    ["without a nonce", { claims: { nonce: undefined } }],
    ["that has expired", { claims: { exp: nowInSeconds() - 3600 } }],
    ["without an expiry", { claims: { exp: undefined } }],
    ["without a subject", { claims: { sub: undefined } }],
    ["with a number as subject", { claims: { sub: 7 } }],
    ["that is no token", { idToken: "nothing" }],
  ] as [string, TokenAnswer][])("an ID token %s", (_, answer) =>
    isRefused({ ...answer, claims: { ...eve(), ...answer.claims } }, NOT_VALID),
  );

  it("an ID token with a bad signature from the token endpoint itself, or of a key that is not published", async () => {
    const good = await (await sharedKey()).sign({ ...eve() });
    const [head, body] = good.split(".");
    const forged = fromBase64url(good.split(".")[2]!);
    forged[0]! ^= 1;
    await isRefused({ idToken: `${head}.${body}.${toBase64url(forged)}` }, NOT_VALID);
    await isRefused({ claims: eve(), key: await newKey("shared") }, NOT_VALID);
    await isRefused({ claims: eve(), key: await newKey("unknown") }, NOT_VALID);
  });

  it("an algorithm that is not allowed, whatever the provider announces", async () => {
    const claims = { ...eve(), iss: acme.idp.url, aud: acme.idp.clientId, iat: nowInSeconds(), exp: nowInSeconds() + 300, nonce: "n" };
    await isRefused({ idToken: `${unsigned(claims, { alg: "none" })}.` }, NOT_VALID);
    await isRefused({ idToken: await hs256(claims) }, NOT_VALID);
  });

  const html = { headers: { "Content-Type": "text/html" }, body: "<h1>Sign in</h1>" };
  it.each([
    ["HTML", { document: html }, NOT_VALID],
    ["an endless text", { document: { how: "huge" } }, "did not answer as it should"],
    ["a closed connection", { document: { how: "broken" } }, "did not answer as it should"],
    ["a redirect", { document: { status: 302, headers: { Location: "https://evil.example.com" } } }, "did not answer as it should"],
    [
      "a refusal of the client",
      { document: { status: 401, headers: { "Content-Type": "application/json" }, body: '{"error":"invalid_client"}' } },
      "check the client id",
    ],
    ["100,000 groups", { claims: { groups: Array.from({ length: 100_000 }, (_, i) => `group-${i}`) } }, "did not answer as it should"],
  ] as [string, TokenAnswer, string][])("from the token endpoint: %s", (_, answer, sentence) =>
    isRefused({ ...answer, ...(answer.claims && { claims: { ...eve(), ...answer.claims } }) }, sentence),
  );

  it("a parameter that is there twice", async () => {
    const browser = new Browser();
    const answer = acme.idp.visit(browser, "/login/acme/sso", { claims: eve() }, (back) => back.searchParams.append("state", "x"));
    expect(await browser.shown(answer, 400)).toContain("names the parameter state more than once");
  });

  it("an error of the provider, with what to do", async () => {
    const refusedThere = (back: URL) => {
      back.searchParams.delete("code");
      back.searchParams.set("error", "access_denied");
    };
    await isRefused({ claims: eve() }, "may not be assigned to this application", refusedThere);
  });

  it("a discovery document that is none, or that of another issuer", async () => {
    for (const document of [
      html,
      { body: "[]" },
      { body: "{" },
      { how: "huge" as const },
      { body: JSON.stringify({ issuer: "https://evil.example.com" }) },
    ]) {
      await acme.idp.put("/.well-known/openid-configuration", document);
      expect(await new Browser().shown(new Browser().get("/login/acme/sso"), 400)).toContain("does not answer as it should");
    }
    await acme.idp.publish({ token_endpoint: "ftp://here" });
    expect(await new Browser().shown(new Browser().get("/login/acme/sso"), 400)).toContain("no valid token_endpoint");
  });
});

describe("a sign-in belongs to one browser, and comes back once", () => {
  it("is refused in another browser, and a second time", async () => {
    await join(acme);
    const browser = new Browser();
    let back = "";
    await acme.idp.visit(browser, "/login/acme/sso", { claims: eve() }, (url) => void (back = url.href));
    const copy = new Browser();
    await copy.shown(copy.get(back), 400);
    const replayed = new Browser();
    for (const [name, value] of browser.cookies) replayed.cookies.set(name, value);
    expect(await replayed.shown(replayed.get(back), 400)).toContain("was not begun in this browser");
  });

  it("is not begun by another site without a click, so nobody is led into the account of somebody else", async () => {
    for (const site of ["cross-site", "same-site"]) {
      const browser = new Browser();
      const page = await browser.shown(browser.get("/login/acme/sso?next=%2Facme", { "Sec-Fetch-Site": site }));
      expect([...browser.cookies.keys()]).toEqual([]);
      await pressesContinue(browser, page);
    }
    const typed = new Browser();
    expect(await typed.led(typed.get("/login/acme/sso", { "Sec-Fetch-Site": "none" }))).toContain(acme.idp.url);
  });

  it("is not begun by the page after another sign-in, which a link of another site can choose", async () => {
    const globex = await connect(world, {}, "globex", world.stranger);
    const visited = { "Sec-Fetch-Site": "same-origin" };
    for (const next of [
      "/login/globex/sso",
      "/signin/sso/globex/reauth",
      "/%6Cogin/globex/sso",
      `/login/globex/sso?connection=${globex.id}`,
    ]) {
      const browser = new Browser();
      const led = await browser.led(browser.post("/signin", { token: world.member, next }));
      expect(led).toBe(next);
      const session = browser.session;
      let answer = await browser.get(led, visited);
      if (answer.status === 303) answer = await browser.get(answer.headers.get("Location")!, visited);
      expect(await browser.shown(answer), next).toContain("You are signed in as mel now.");
      expect([browser.session, browser.cookies.size], next).toEqual([session, 1]);
    }
    // This also holds after a first sign-in.
    const browser = await join(acme, eve(), "/login/globex/sso");
    expect(await browser.shown(browser.get("/login/globex/sso", visited))).toContain("Continue with Okta");
    const browserOfAcme = await join(acme, eve({ sub: "00u-fay", email: "fay@acme.example" }));
    await pressesContinue(browserOfAcme, await browserOfAcme.shown(browserOfAcme.get("/login/acme/sso", visited)));
  });

  it("does not take the cookie twice, and not at the address of another organization", async () => {
    const globex = await connect(world, {}, "globex", world.stranger);
    await join(acme);
    const browser = new Browser();
    let back!: URL;
    let cookies!: [string, string][];
    await acme.idp.visit(browser, "/login/acme/sso", { claims: eve() }, (url) => {
      back = new URL(url);
      cookies = [...browser.cookies];
    });
    const again = new Browser();
    for (const [name, value] of cookies) again.cookies.set(name, value);
    await again.shown(again.get(back.href), 400);
    const mixed = new Browser();
    const moved = await acme.idp.visit(
      mixed,
      "/login/acme/sso",
      { claims: eve() },
      (url) => void (url.pathname = "/login/globex/sso/callback"),
    );
    await mixed.shown(moved, 400);
    expect(globex.id).not.toBe(acme.id);
  });
});

describe("connections", () => {
  const json = { name: "Second", clientId: "other", clientSecret: "hush" };

  it("are set up by administrators who are people only, and the secret is never shown", async () => {
    const machine = await newOrgToken(world, "robot", { admin: true });
    for (const token of [world.member, world.billing, machine.tokenValue]) {
      await refused(403, "GET", CONNECTIONS, { token });
      await refused(403, "POST", CONNECTIONS, { token, json: { ...json, issuer: acme.idp.url } });
    }
    await refused(404, "GET", CONNECTIONS, { token: world.stranger });
    await refused(404, "GET", `/api/orgs/globex/sso/connections/${acme.id}`, { token: world.stranger });
    const events = await eventsOf(async () => {
      const { id } = await ok<{ id: string }>("POST", CONNECTIONS, { token: world.admin, json: { ...json, issuer: acme.idp.url } });
      await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { name: "Third", clientSecret: "hush2" } });
      expect(await ok("GET", `${CONNECTIONS}/${id}`, { token: world.admin })).toMatchObject({
        name: "Third",
        redirectUri: "https://stackpass.test/login/acme/sso/callback",
      });
      await ok("DELETE", `${CONNECTIONS}/${id}`, { token: world.admin });
      await refused(404, "DELETE", `${CONNECTIONS}/${id}`, { token: world.admin });
    });
    expect(events.map(({ event }) => event)).toEqual(Array(3).fill("saml-configuration-updated"));
    expect(JSON.stringify([events, await ok("GET", CONNECTIONS, { token: world.admin })])).not.toMatch(/hush|s3cret/);
    expect(JSON.stringify(await row("SELECT * FROM connections"))).not.toContain("s3cret");
  });

  it("refuse what cannot be", async () => {
    const bad: [object, string][] = [
      [{ issuer: undefined }, "issuer is required"],
      [{ issuer: "ftp://x" }, "the issuer must be a URL"],
      [{ issuer: "https://user:password@id.example.com" }, "the issuer must be a URL"],
      [{ issuer: "https://10.0.0.1" }, "private or reserved"],
      [{ issuer: `${acme.idp.url}/other` }, "cannot be read"],
      [{ name: "" }, "a name is required"],
      [{ clientSecret: "" }, "the client secret is required"],
      [{ allowedDomains: ["localhost"] }, "example.com"],
      [{ allowedDomains: Array(101).fill("a.example") }, "at most 100"],
      [{ groupMappings: [{ group: "a", team: "nobody" }] }, "no team 'nobody'"],
      [{ groupMappings: [{ group: "a", role: "billing-manager" }] }, "a mapping is"],
      [{ firstRole: "admin" }, "firstRole"],
      [{ kind: "saml" }, "kind"],
      [{ groupScope: "a b" }, "must not have spaces"],
    ];
    for (const [more, sentence] of bad)
      expect(await refused(400, "POST", CONNECTIONS, { token: world.admin, json: { ...json, issuer: acme.idp.url, ...more } })).toContain(
        sentence,
      );
    expect(
      await refused(409, "POST", CONNECTIONS, { token: world.admin, json: { ...json, issuer: acme.idp.url, clientId: acme.idp.clientId } }),
    ).toContain("already has");
    vars.LOCAL_DEVELOPMENT = "false";
    try {
      expect(await refused(400, "POST", CONNECTIONS, { token: world.admin, json: { ...json, issuer: acme.idp.url } })).toContain(
        "https://",
      );
    } finally {
      vars.LOCAL_DEVELOPMENT = "true";
    }
  });
});

describe("domains", () => {
  it("are proved by a TXT record that all resolvers see, and by one organization only", async () => {
    const domain = "other.example";
    const path = "/api/orgs/acme/sso/domains";
    const resolver = `${(env as unknown as { DOCUMENTS: string }).DOCUMENTS}/${crypto.randomUUID()}`;
    Object.assign(env, { DNS_RESOLVERS: `${resolver}/a,${resolver}/b` });
    const answers = (which: string, value: string) =>
      fetch(`${resolver}/${which}`, {
        method: "PUT",
        body: JSON.stringify({ body: JSON.stringify({ Status: 0, Answer: [{ type: 16, data: `"${value}"` }] }) }),
      });
    const { record } = await ok<{ record: { name: string; value: string } }>("POST", path, {
      token: world.admin,
      json: { domain: "OTHER.example" },
    });
    expect(record.name).toBe("_stackpass-challenge.other.example");
    await answers("a", record.value);
    expect(await refused(400, "POST", `${path}/${domain}/verify`, { token: world.admin })).toContain(record.value);
    await answers("b", record.value);
    expect(await ok("POST", `${path}/${domain}/verify`, { token: world.admin })).toMatchObject({ domain, proven: true });
    const theirs = "/api/orgs/globex/sso/domains";
    const { record: other } = await ok<{ record: { value: string } }>("POST", theirs, { token: world.stranger, json: { domain } });
    for (const which of ["a", "b"]) await answers(which, other.value);
    expect(await refused(409, "POST", `${theirs}/${domain}/verify`, { token: world.stranger })).toContain("another organization");
    await refused(404, "POST", `${path}/unknown.example/verify`, { token: world.admin });
    await refused(400, "POST", path, { token: world.admin, json: { domain: "http://x" } });
    await ok("DELETE", `${path}/${domain}`, { token: world.admin });
    await refused(404, "DELETE", `${path}/${domain}`, { token: world.admin });
    await ok("POST", `${theirs}/${domain}/verify`, { token: world.stranger });
  });

  it("that were not added are refused on the page, too", async () => {
    const ada = new Browser();
    await ada.led(ada.post("/signin", { token: world.admin, next: "/" }));
    for (const action of ["verify-domain", "remove-domain"])
      for (const domain of ["unknown.example", "", "x".repeat(3000)]) await ada.shown(ada.post("/acme/~/sso", { do: action, domain }), 400);
  });
});

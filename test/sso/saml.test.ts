import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { laterBy } from "../support/clock.ts";
import { ok, refused } from "../support/client.ts";
import { race } from "../support/race.ts";
import { type World, newTeam, newWorld } from "../support/world.ts";
import { newPair } from "./support/certificate.ts";
import { Browser, CONNECTIONS, connect, prove, row } from "./support/idp.ts";
import { type Said, SamlIdp, connectSaml } from "./support/samlIdp.ts";

const SAML = "/api/orgs/acme/saml";
const EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const NOT_BEGUN = "was not begun in this browser";

let world: World;
let idp: SamlIdp;
let id: string;
beforeEach(async () => {
  world = await newWorld();
  ({ idp, id } = await connectSaml(world));
  await prove();
});

/** Signs a person in for the first time, with a new account. */
async function join(said: Said = {}): Promise<Browser> {
  const browser = new Browser();
  expect(await browser.led(idp.visit(browser, said))).toBe("/login/first");
  expect(await browser.led(browser.post("/login/first", { as: "new" }))).toBe("/acme");
  return browser;
}

const eves = () => row("SELECT count(*) AS n FROM users WHERE login LIKE 'eve%'");

describe("a sign-in by SAML", () => {
  it("makes an account and a membership after one question, each with an event, and opens that organization only", async () => {
    let browser!: Browser;
    const events = await eventsOf(async () => void (browser = await join()));
    expect(events.map(({ event, userLogin }) => `${event} ${userLogin}`).toSorted()).toEqual([
      "identity-linked eve",
      "member-added eve",
      "user-login eve",
    ]);
    expect(await browser.shown(browser.get("/acme"))).toContain("Stacks");
    await browser.shown(browser.get("/globex"), 404);
    expect(await row("SELECT subject, email, issuer FROM identities")).toEqual({
      subject: "00u-eve",
      email: "eve@acme.example",
      issuer: idp.entityId,
    });
  });

  it("asks the provider for an answer at its address, and keeps the parameters of the provider's address", async () => {
    const { xml, relayState } = await idp.request(new Browser());
    expect(xml).toContain(`AssertionConsumerServiceURL="${idp.acsUrl}"`);
    expect(xml).toContain('Destination="https://idp.example/sso?tenant=1&#38;x=y"');
    expect(xml).toContain(`<saml:Issuer>${idp.audience}</saml:Issuer>`);
    expect(relayState).toMatch(/^[\w-]{32}$/);
    const browser = new Browser();
    const metadata = await browser.shown(browser.get("/login/acme/sso/saml/metadata"));
    expect(metadata).toContain(`entityID="${idp.audience}"`);
    expect(metadata).toContain(`Location="${idp.acsUrl}"`);
  });

  it("finds the account by the name id and not by the address, whatever the capitals of an address are", async () => {
    await join({ format: EMAIL, nameId: "Eve@acme.example" });
    const again = new Browser();
    expect(await again.led(idp.visit(again, { format: EMAIL, nameId: "eve@ACME.example" }))).toBe("/acme");
    const other = new Browser();
    expect(await other.led(idp.visit(other, { nameId: "another" }))).toBe("/login/first");
    expect(await eves()).toEqual({ n: 1 });
  });

  it("makes nobody a member by an address of another domain, one that is not verified, none, or two in one", async () => {
    const several: Record<string, string[]>[] = [
      { email: ["eve@other.example"] },
      { email: ["eve@acme.example"], email_verified: ["false"] },
      {},
      { email: ["eve@other.example,eve@acme.example"] },
    ];
    for (const attributes of several) {
      const browser = new Browser();
      expect(await browser.led(idp.visit(browser, { attributes }))).toBe("/login/first");
      expect(await browser.shown(browser.post("/login/first", { as: "new" }), 403)).toContain("Ask an administrator for an invitation");
      expect([await eves(), browser.session]).toEqual([{ n: 0 }, undefined]);
    }
  });

  it("gives the teams of the groups, and changes nothing if the attribute is absent", async () => {
    await newTeam(world, "ops");
    const groupMappings = [
      { group: "a & b", team: "ops" },
      { group: "admins", role: "admin" },
    ];
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { groupMappings } });
    const email = ["eve@acme.example"];
    await join({ attributes: { email, groups: ["a &amp; b", "admins"] } });
    const state = () =>
      row(
        "SELECT role, (SELECT count(*) FROM team_members WHERE user_id = users.id) AS teams FROM members JOIN users ON users.id = user_id WHERE email = 'eve@acme.example'",
      );
    expect(await state()).toEqual({ role: "admin", teams: 1 });
    for (const [attributes, expected] of [
      [{ email }, { role: "admin", teams: 1 }],
      [
        { email, groups: [] },
        { role: "member", teams: 0 },
      ],
    ] as const) {
      const browser = new Browser();
      await browser.led(idp.visit(browser, { attributes: attributes as unknown as Record<string, string[]> }));
      expect(await state()).toEqual(expected);
    }
  });

  it("ends with the session at the provider, if that is earlier than the organization's limit", async () => {
    laterBy(0);
    const now = Math.floor(Date.now() / 1000) * 1000;
    await join();
    const sessions =
      "SELECT max(expires_at) - ? AS length FROM access_tokens WHERE kind = 'session' AND only_org_id IS NOT NULL AND created_at >= ?";
    for (const [sessionUntil, longest] of [
      [now + 3_600_000, 3_600_000],
      [now + 20 * 3_600_000, 12 * 3_600_000 + 999],
    ] as const) {
      await env.DB.prepare("DELETE FROM access_tokens WHERE kind = 'session'").run();
      const browser = new Browser();
      expect(await browser.led(idp.visit(browser, { sessionUntil }))).toBe("/acme");
      const { length } = (await row<{ length: number }>(sessions, now, 0))!;
      expect(length).toBeLessThanOrEqual(longest);
      expect(length).toBeGreaterThan(longest - 1000);
    }
  });
});

describe("an answer counts once, and only where it was asked for", () => {
  it("is not accepted in another browser, which the sign-in of somebody else would lead into that account", async () => {
    await join();
    const attacker = new Browser();
    const { id: request, relayState } = await idp.request(attacker);
    const victim = new Browser();
    await idp.request(victim);
    const form = await idp.post(victim, await idp.response({ inResponseTo: request }), relayState);
    expect(await victim.shown(victim.get(await victim.led(form)), 400)).toContain(NOT_BEGUN);
    expect(victim.session).toBeUndefined();
    const nobody = new Browser();
    const again = await idp.post(nobody, await idp.response({ inResponseTo: request }), relayState);
    expect(await nobody.shown(nobody.get(await nobody.led(again)), 400)).toContain(NOT_BEGUN);
  });

  it("is not accepted for an invented request, another RelayState, or one that is too long", async () => {
    const changes: ((asked: { id: string; relayState: string }) => [string, string])[] = [
      ({ relayState }) => ["_invented", relayState],
      ({ id: asked }) => [asked, "another"],
      ({ id: asked, relayState }) => [asked, relayState.repeat(100)],
    ];
    for (const change of changes) {
      const browser = new Browser();
      const [inResponseTo, relayState] = change(await idp.request(browser));
      const form = await idp.post(browser, await idp.response({ inResponseTo }), relayState);
      expect(await browser.shown(browser.get(await browser.led(form)), 400)).toContain(NOT_BEGUN);
    }
  });

  it("is not accepted of another connection than the one that was asked", async () => {
    const second = new SamlIdp(await newPair());
    await ok("POST", CONNECTIONS, { token: world.admin, json: { name: "Second", kind: "saml", metadata: second.metadata() } });
    const browser = new Browser();
    const { id: request, relayState } = await idp.request(browser, `/login/acme/sso?connection=${id}`);
    const form = await second.post(browser, await second.response({ inResponseTo: request }), relayState);
    expect(await browser.shown(browser.get(await browser.led(form)), 400)).toContain(NOT_BEGUN);
    // A provider that claims to be the other one has the wrong key.
    const forged = await second.response({ inResponseTo: request, issuer: idp.entityId });
    expect(await browser.shown(second.post(browser, forged, relayState), 400)).toContain("The signature is not valid");
  });

  it("is not accepted at the address of another organization, nor as an answer of OpenID Connect", async () => {
    const browser = new Browser();
    const { id: request, relayState } = await idp.request(browser);
    const xml = await idp.response({ inResponseTo: request });
    await browser.shown(idp.post(browser, xml, relayState, idp.acsUrl.replace("acme", "globex")), 404);
    const arrival = await browser.led(idp.post(browser, xml, relayState));
    expect(await browser.shown(browser.get(arrival.replace("acme", "globex")), 400)).toContain(NOT_BEGUN);
    expect(await browser.shown(browser.get(`/login/acme/sso/callback?code=a&state=${relayState}`), 400)).toContain(NOT_BEGUN);
  });

  it("is not accepted twice, not even at the same time", async () => {
    for (let n = 0; n < 4; n++) {
      const browser = new Browser();
      const { id: request, relayState } = await idp.request(browser);
      const xml = await idp.response({ inResponseTo: request });
      const answers = await race(
        n,
        () => idp.post(browser, xml, relayState),
        () => idp.post(browser, xml, relayState),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 400]);
      const twice = await Promise.all(answers.map((answer) => answer.text()));
      expect(twice.some((page) => page.includes("was already used"))).toBe(true);
    }
  });

  it("leads to one session, however often the page after it is opened", async () => {
    await join();
    const browser = new Browser();
    const { id: request, relayState } = await idp.request(browser);
    const path = await browser.led(idp.post(browser, await idp.response({ inResponseTo: request }), relayState));
    const copy = new Browser();
    for (const [name, value] of browser.cookies) copy.cookies.set(name, value);
    const answers = await Promise.all([browser.get(path), copy.get(path)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 400]);
  });

  it("is not accepted after ten minutes, nor after a change of the connection", async () => {
    const browser = new Browser();
    const { id: request, relayState } = await idp.request(browser);
    const path = await browser.led(idp.post(browser, await idp.response({ inResponseTo: request }), relayState));
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { name: "Renamed" } });
    expect(await browser.shown(browser.get(path), 400)).toContain(NOT_BEGUN);
    const late = new Browser();
    const asked = await idp.request(late);
    laterBy(601_000);
    const next = await late.led(idp.post(late, await idp.response({ inResponseTo: asked.id }), asked.relayState));
    expect(await late.shown(late.get(next), 400)).toContain(NOT_BEGUN);
  });
});

describe("a sign-in that the provider begins", () => {
  const begin = async (browser: Browser, relayState = "", said: Said = {}) => idp.post(browser, await idp.response(said), relayState);

  it("is refused and recorded, unless the connection allows it", async () => {
    let page = "";
    const browser = new Browser();
    const events = await eventsOf(async () => {
      page = await browser.shown(begin(browser), 400);
    });
    expect(page).toContain("Entra may not begin a sign-in");
    expect(events).toMatchObject([{ event: "user-login-failed", userLogin: "acme" }]);
  });

  it("shows whose account it is and waits for a click, so nobody is led into the account of somebody else unnoticed", async () => {
    await join();
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { idpInitiated: true } });
    for (const [relayState, target] of [
      ["/acme/~/members", "/acme/~/members"],
      ["https://evil.example/", "/"],
      ["//evil.example", "/"],
      ["", "/"],
    ] as const) {
      const browser = new Browser();
      const path = await browser.led(begin(browser, relayState));
      const page = await browser.shown(browser.get(path));
      expect(page).toContain("eve@acme.example");
      expect(browser.session).toBeUndefined();
      const arrival = /name="arrival" value="([^"]+)"/.exec(page)![1]!;
      // If another answer has arrived meanwhile, the person has not confirmed that one.
      await browser.shown(browser.post(path, { arrival: "another" }), 400);
      expect(await browser.led(browser.post(path, { arrival }))).toBe(target);
      expect(browser.session).toBeDefined();
      await browser.shown(browser.post(path, { arrival }), 400);
    }
  });

  it("is not confirmed by another site, and an answer to a request needs its request all the same", async () => {
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { idpInitiated: true } });
    const browser = new Browser();
    const path = await browser.led(begin(browser));
    await browser.shown(browser.foreignPost(path, { arrival: "x" }), 403);
    const other = new Browser();
    const answered = await other.led(begin(other, "", { inResponseTo: "_of-somebody-else" }));
    await other.shown(other.get(answered), 400);
    await other.shown(other.post(answered, { arrival: "x" }), 400);
  });
});

describe("a form that is no answer", () => {
  it("is refused with a sentence and an event, and is never a fault of the server", async () => {
    const browser = new Browser();
    let page = "";
    const events = await eventsOf(async () => {
      page = await browser.shown(idp.post(browser, await idp.response({ audience: "https://other.example" })), 400);
    });
    expect(page).toContain("is for another audience");
    expect(events).toMatchObject([{ event: "user-login-failed", description: expect.stringContaining("audience: ") as string }]);
    const forms: Record<string, string>[] = [
      {},
      { SAMLResponse: "" },
      { SAMLResponse: "%%" },
      { SAMLResponse: "PHg+" },
      { RelayState: "x".repeat(50_000) },
    ];
    for (const form of forms) await browser.shown(browser.foreignPost(idp.acsUrl, form), 400);
    await browser.shown(browser.foreignPost(idp.acsUrl, { SAMLResponse: "x".repeat(200_000) }), 413);
    await browser.shown(browser.foreignPost(idp.acsUrl, {}, { "Content-Type": "text/plain" }), 400);
    await browser.shown(browser.get(idp.acsUrl), 404);
    expect(await row("SELECT count(*) AS n FROM identities")).toEqual({ n: 0 });
  });

  it("finds no connection that is disabled, or of another kind", async () => {
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { enabled: false } });
    await connect(world);
    const browser = new Browser();
    await browser.shown(idp.post(browser, await idp.response({ inResponseTo: "_x" })), 404);
    await browser.shown(idp.post(browser, "<a/>", "", "https://stackpass.test/login/~corp/sso/saml/acs"), 404);
  });
});

describe("a connection by SAML", () => {
  const create = (json: object) => refused(400, "POST", CONNECTIONS, { token: world.admin, json });

  it("is read from metadata, has no secret, and shows its addresses", async () => {
    const connection = await ok("GET", `${CONNECTIONS}/${id}`, { token: world.admin });
    expect(connection).toMatchObject({
      kind: "saml",
      issuer: idp.entityId,
      clientId: idp.audience,
      redirectUri: idp.acsUrl,
      saml: { metadataUrl: idp.audience, ssoUrl: idp.ssoUrl, idpInitiated: false },
    });
    const metadata = new SamlIdp(idp.pair).metadata();
    expect(await create({ name: "x", kind: "saml" })).toContain("metadata of the identity provider are required");
    expect(await create({ name: "x", kind: "saml", metadata, clientSecret: "s" })).toContain("no client secret");
    expect(await create({ name: "x", kind: "saml", metadata, groupScope: "s" })).toContain("no scope");
    expect(await create({ name: "x", kind: "saml", metadata: "<a/>" })).toContain("exactly one identity provider");
    expect(await create({ name: "x", kind: "saml", metadata, issuer: "https://other.example" })).toContain("another issuer");
    expect(await create({ name: "x", kind: "github", clientId: "c", clientSecret: "s", metadata })).toContain(
      "only a connection of the kind saml",
    );
    expect(await create({ name: "x", kind: "github", clientSecret: "s" })).toContain("client id is required");
    expect(await create({ name: "x", kind: "github", clientId: "c" })).toContain("client secret is required");
    await refused(409, "POST", CONNECTIONS, { token: world.admin, json: { name: "x", kind: "saml", metadata: idp.metadata() } });
  });

  it("takes new certificates at once, and no other provider; the log says what changed and has no XML", async () => {
    const next = new SamlIdp(await newPair());
    const path = `${CONNECTIONS}/${id}`;
    expect(await refused(400, "PATCH", path, { token: world.admin, json: { metadata: next.metadata() } })).toContain(
      "another identity provider",
    );
    const events = await eventsOf(async () => {
      const metadata = idp.metadata({ certificates: [next.pair.certificate] });
      await ok("PATCH", path, { token: world.admin, json: { metadata, idpInitiated: true } });
    });
    expect(events).toMatchObject([{ event: "saml-configuration-updated", userLogin: "ada" }]);
    expect(events[0]!.description).toContain("the metadata from 1 certificates");
    expect(events[0]!.description).toContain("idpInitiated from false to true");
    expect(events[0]!.description).not.toContain("<");
    const browser = new Browser();
    expect(await browser.shown(idp.visit(browser), 400)).toContain("The signature is not valid");
    expect(await browser.led(idp.visit(browser, {}, { pair: next.pair }))).toBe("/login/first");
  });

  it("is what the operations of the public contract mean", async () => {
    expect(await ok("GET", SAML, { token: world.admin })).toMatchObject({
      organization: { githubLogin: "acme" },
      idpSsoDescriptor: idp.metadata(),
      entityId: idp.entityId,
      ssoUrl: idp.ssoUrl,
    });
    const globex = "/api/orgs/globex/saml";
    expect(await ok("GET", globex, { token: world.stranger })).toMatchObject({ idpSsoDescriptor: "" });
    const other = new SamlIdp(idp.pair);
    const newIdpSsoDescriptor = other.metadata();
    expect(await ok("PATCH", globex, { token: world.stranger, json: { newIdpSsoDescriptor } })).toMatchObject({
      idpSsoDescriptor: newIdpSsoDescriptor,
      entityId: other.entityId,
    });
    const changed = other.metadata({ ssoUrl: "https://idp.example/other" });
    expect(await ok("PATCH", globex, { token: world.stranger, json: { newIdpSsoDescriptor: changed } })).toMatchObject({
      ssoUrl: "https://idp.example/other",
    });
    expect(await refused(400, "PATCH", globex, { token: world.stranger, json: {} })).toBe("NewIDPSSODescriptor is required.");
    expect(await refused(400, "PATCH", globex, { token: world.stranger, json: { newIdpSsoDescriptor: "<!DOCTYPE a><a/>" } })).toContain(
      "document type",
    );
    for (const token of [world.member, world.stranger]) await refused(token === world.member ? 403 : 404, "GET", SAML, { token });
  });
});

describe("the second Worker", () => {
  const bindings = env as unknown as { SAML?: unknown };
  const { SAML: binding } = bindings;
  afterEach(() => void (bindings.SAML = binding));

  it("is named by whatever needs it, where there is none", async () => {
    delete bindings.SAML;
    const json = { newIdpSsoDescriptor: idp.metadata() };
    for (const sentence of [
      await refused(404, "GET", SAML, { token: world.admin }),
      await refused(404, "PATCH", SAML, { token: world.admin, json }),
      await refused(404, "POST", CONNECTIONS, { token: world.admin, json: { name: "x", kind: "saml", metadata: "<a/>" } }),
    ])
      expect(sentence).toContain("npm run deploy -- --saml");
    const browser = new Browser();
    for (const answer of [
      browser.get("/login/acme/sso"),
      browser.get("/login/acme/sso/saml/metadata"),
      idp.post(browser, await idp.response({ inResponseTo: "_x" })),
    ])
      expect(await browser.shown(answer, 404)).toContain("npm run deploy");
    // The connection can still be seen, disabled and deleted.
    await ok("PATCH", `${CONNECTIONS}/${id}`, { token: world.admin, json: { enabled: false } });
    await ok("DELETE", `${CONNECTIONS}/${id}`, { token: world.admin });
  });

  it("makes a sign-in fail for a moment only, if it does not answer", async () => {
    const fail = () => Promise.reject(new Error("the secret of the library"));
    bindings.SAML = { verify: fail, readMetadata: fail };
    const browser = new Browser();
    const page = await browser.shown(idp.post(browser, await idp.response({ inResponseTo: "_x" })), 503);
    expect(page).not.toContain("secret");
    await refused(503, "PATCH", SAML, { token: world.admin, json: { newIdpSsoDescriptor: `${idp.metadata()} ` } });
  });
});

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newTeam, newWorld } from "../support/world.ts";
import { Browser, CONNECTIONS, type Connected, FakeIdp, connect, eve, join, prove, row, signInAgain } from "./support/idp.ts";

let world: World;
let acme: Connected;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  await prove();
});

/** The personal token that `/cli-login` creates in a browser. */
async function cliToken(browser: Browser): Promise<string> {
  const asked = { cliSessionPort: "8888", cliSessionNonce: "n0nce", cliSessionDescription: "cli" };
  const page = await browser.shown(browser.get(`/cli-login?${String(new URLSearchParams(asked))}`));
  expect(page).toContain("in acme only");
  const target = new URL(await browser.led(browser.post("/cli-login", { ...asked, expiry: "never" })));
  expect([target.origin, target.searchParams.get("nonce")]).toEqual(["http://localhost:8888", "n0nce"]);
  return target.searchParams.get("accessToken")!;
}

describe("a first sign-in through the connection of an organization", () => {
  it("makes an account and a membership after one question, each with an event", async () => {
    let browser!: Browser;
    const events = await eventsOf(async () => void (browser = await join(acme)));
    expect(events.map(({ event, userLogin }) => `${event} ${userLogin}`).toSorted()).toEqual([
      "identity-linked eve",
      "member-added eve",
      "user-login eve",
    ]);
    expect(await browser.shown(browser.get("/acme"))).toContain("Stacks");
    const { members } = await ok<{ members: { user: object; role: string; accepted: boolean }[] }>("GET", "/api/orgs/acme/members", {
      token: world.admin,
    });
    expect(members.at(-1)).toMatchObject({ role: "member", accepted: true, user: { githubLogin: "eve", email: "eve@acme.example" } });
  });

  it("asks again for nothing, and finds the account by the subject and not by the address", async () => {
    await join(acme);
    await signInAgain(acme, eve({ email: "eve.new@elsewhere.example", email_verified: false }));
    const other = new Browser();
    expect(await other.led(acme.idp.visit(other, "/login/acme/sso", { claims: eve({ sub: "another" }) }))).toBe("/login/first");
    expect(await row("SELECT count(*) AS n FROM users WHERE login LIKE 'eve%'")).toEqual({ n: 1 });
    // The second person with the same address gets another account with another login.
    await other.led(other.post("/login/first", { as: "new" }));
    expect(await row("SELECT count(*) AS n FROM users WHERE login LIKE 'eve-%'")).toEqual({ n: 1 });
  });

  it.each([
    ["an address that is not confirmed", { email_verified: false }],
    ["a confirmation that is a text", { email_verified: "true" }],
    ["no confirmation", { email_verified: undefined }],
    ["another domain", { email: "eve@other.example" }],
    ["a domain that only ends like it", { email: "eve@evil-acme.example" }],
    ["two addresses in one", { email: "eve@other.example@acme.example" }],
    ["an address that is a list", { email: ["eve@acme.example"] }],
    ["no address", { email: undefined }],
  ])("makes nobody a member by %s", async (_, change) => {
    const browser = new Browser();
    expect(await browser.led(acme.idp.visit(browser, "/login/acme/sso", { claims: eve(change) }))).toBe("/login/first");
    expect(await browser.shown(browser.get("/login/first"))).not.toContain("Create my account");
    expect(await browser.shown(browser.post("/login/first", { as: "new" }), 403)).toContain("Ask an administrator for an invitation");
    expect(await row("SELECT count(*) AS n FROM users WHERE login LIKE 'eve%'")).toEqual({ n: 0 });
    expect(browser.session).toBeUndefined();
  });

  it("makes nobody a member by a domain that the organization has not proved", async () => {
    await ok("DELETE", "/api/orgs/acme/sso/domains/acme.example", { token: world.admin });
    const browser = new Browser();
    await browser.led(acme.idp.visit(browser, "/login/acme/sso", { claims: eve() }));
    await browser.shown(browser.post("/login/first", { as: "new" }), 403);
  });
});

describe("an existing account", () => {
  const gus = () => eve({ sub: "gus-at-acme", email: "gus@acme.example", preferred_username: "gus" });

  it("is linked only by its holder: by a personal token, or in the browser where the holder is signed in", async () => {
    const browser = new Browser();
    await browser.led(acme.idp.visit(browser, "/login/acme/sso?next=%2Facme", { claims: eve({ sub: "mel-at-okta", email: undefined }) }));
    expect(await browser.shown(browser.post("/login/first", { as: "token", token: "pul-none" }), 400)).toContain(
      "not a valid access token",
    );
    const events = await eventsOf(async () => {
      expect(await browser.led(browser.post("/login/first", { as: "token", token: world.member }))).toBe("/acme");
    });
    expect(events.map(({ event, userLogin }) => `${event} ${userLogin}`).toSorted()).toEqual(["identity-linked mel", "user-login mel"]);
    // gus, the administrator of globex, is not a member of acme, and joins with an address that acme allows.
    const other = new Browser();
    await other.led(other.post("/signin", { token: world.stranger, next: "/" }));
    await other.led(acme.idp.visit(other, "/login/acme/sso?next=%2Facme", { claims: gus() }));
    expect(await other.shown(other.get("/login/first"))).toContain("Link it with gus");
    expect(await other.led(other.post("/login/first", { as: "session" }))).toBe("/acme");
    expect(
      await row(
        "SELECT role FROM members JOIN users ON users.id = user_id WHERE login = 'gus' AND org_id = (SELECT id FROM organizations WHERE name = 'acme')",
      ),
    ).toEqual({
      role: "member",
    });
  });

  it("cannot be taken over by the provider of an organization that its holder is not in", async () => {
    // The provider of acme claims that this person is gus of globex. No account is opened by a name or an address.
    const attacker = await join(acme, gus());
    expect(await row("SELECT login FROM users JOIN identities ON user_id = users.id WHERE subject = 'gus-at-acme'")).not.toEqual({
      login: "gus",
    });
    expect(await attacker.shown(attacker.get("/globex"), 404)).toContain("Not found");
  });

  it("is not linked by a session that another organization's provider opened", async () => {
    const globex = await connect(world, {}, "globex", world.stranger);
    await prove("globex", "globex.example");
    const browser = await join(acme);
    await browser.led(globex.idp.visit(browser, "/login/globex/sso", { claims: eve({ sub: "eve-at-globex" }) }));
    expect(await browser.shown(browser.get("/login/first"))).not.toContain("Link it with");
    expect(await browser.shown(browser.post("/login/first", { as: "session" }), 400)).toContain("does not count");
  });
});

describe("a session that an organization's provider opened", () => {
  /** gus is an administrator of globex and, by his own link, a member of acme. */
  async function linkedGus(): Promise<Browser> {
    const browser = new Browser();
    await browser.led(acme.idp.visit(browser, "/login/acme/sso?next=%2Facme", { claims: eve({ sub: "gus" }) }));
    await browser.led(browser.post("/login/first", { as: "token", token: world.stranger }));
    return browser;
  }

  it("opens that organization only, and so does what it creates", async () => {
    const browser = await linkedGus();
    await browser.shown(browser.get("/acme"));
    await browser.shown(browser.get("/globex"), 404);
    await browser.shown(browser.get("/globex/~/members"), 404);
    expect(await browser.shown(browser.post("/user/settings/organizations/globex/leave", {}), 403)).toContain(
      "opens that organization only",
    );
    const token = await cliToken(browser);
    expect(await ok("GET", "/api/user", { token })).toMatchObject({ githubLogin: "gus", organizations: [{ name: "acme" }] });
    await ok("GET", "/api/orgs/acme/members", { token });
    for (const path of ["/api/orgs/globex/members", "/api/orgs/globex/tokens", "/api/orgs/globex/sso/settings"])
      await refused(404, "GET", path, { token });
    const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
      token,
      json: { description: "second", expires: 0 },
    });
    await refused(404, "GET", "/api/orgs/globex/members", { token: tokenValue });
    // The token cannot reach the account as a whole, and nothing that belongs to the account elsewhere.
    for (const [method, path] of [
      ["POST", "/api/user/organizations/globex/default"],
      ["DELETE", "/api/user/organizations/globex"],
      ["POST", "/api/user/organizations/globex/accept"],
    ] as const)
      expect(await refused(403, method, path, { token })).toContain("opens that organization only");
    const { tokens } = await ok<{ tokens: { id: string; description: string }[] }>("GET", "/api/user/tokens", { token });
    expect(tokens.map(({ description }) => description).toSorted()).toEqual(["cli", "second"]);
    const { id } = (await row<{ id: string }>(
      "SELECT access_tokens.id FROM access_tokens JOIN users ON users.id = user_id WHERE login = 'gus' AND only_org_id IS NULL",
    ))!;
    await refused(404, "DELETE", `/api/user/tokens/${id}`, { token });
    // A session that is opened with the token has no more rights than the token.
    const again = new Browser();
    await again.led(again.post("/signin", { token, next: "/" }));
    await again.shown(again.get("/globex"), 404);
    expect((await ok<{ sessions: object[] }>("GET", "/api/user/sessions", { token })).sessions).toHaveLength(2);
  });

  it("ends with its identity, its connection, and the person's sign-out, and so do its tokens", async () => {
    for (const end of [
      async () => {
        const { identities } = await ok<{ identities: { id: string }[] }>("GET", "/api/orgs/acme/sso/identities", { token: world.admin });
        await ok("DELETE", `/api/orgs/acme/sso/identities/${identities[0]!.id}`, { token: world.admin });
      },
      () => ok("PATCH", `/api/orgs/acme/sso/connections/${acme.id}`, { token: world.admin, json: { enabled: false } }),
    ]) {
      const browser = await join(acme, eve({ sub: crypto.randomUUID() }));
      const token = await cliToken(browser);
      await end();
      await refused(401, "POST", "/api/stacks/acme/web", { token, json: { stackName: "dev" } });
      expect(await browser.led(browser.get("/acme"))).toContain("/signin");
    }
  });
});

it("a connection that was set up with a stolen token is disabled by the report, and what it opened ends", async () => {
  const browser = await join(acme);
  const token = await cliToken(browser);
  await ok("POST", "/api/token-leaks", { token: world.admin, json: { token: world.admin } });
  await refused(401, "POST", "/api/stacks/acme/web", { token, json: { stackName: "dev" } });
  expect(await browser.led(browser.get("/acme"))).toContain("/signin");
  await browser.shown(browser.get("/login/acme/sso"), 404);
});

describe("groups", () => {
  beforeEach(async () => {
    await newTeam(world, "ops");
    await newTeam(world, "web");
    const groupMappings = [
      { group: "/ops", team: "ops" },
      { group: "web.people", team: "web" },
      { group: "admins", role: "admin" },
    ];
    await ok("PATCH", `/api/orgs/acme/sso/connections/${acme.id}`, { token: world.admin, json: { groupMappings } });
  });

  const state = async () => ({
    teams: (
      await ok<{ teams: { name: string; members: { githubLogin: string }[] }[] }>("GET", "/api/orgs/acme/teams", { token: world.admin })
    ).teams.map(({ name }) => name),
    inTeams: await row<{ names: string }>(
      "SELECT group_concat(name) AS names FROM (SELECT teams.name FROM team_members JOIN teams ON teams.id = team_id JOIN users ON users.id = user_id WHERE login = 'eve' ORDER BY teams.name)",
    ),
    role: (await row<{ role: string }>("SELECT role FROM members JOIN users ON users.id = user_id WHERE login = 'eve'"))?.role,
  });

  it("put people into teams and make administrators, only where they are mapped; an absent claim changes nothing", async () => {
    const events = await eventsOf(async () => void (await join(acme, eve({ groups: ["/ops", "acme", "admin"] }))));
    expect(events.map(({ event }) => event).toSorted()).toEqual(["identity-linked", "member-added", "team-updated", "user-login"]);
    expect(await state()).toMatchObject({ inTeams: { names: "ops" }, role: "member" });
    await signInAgain(acme, eve({ groups: ["web.people", "admins"] }));
    expect(await state()).toMatchObject({ inTeams: { names: "web" }, role: "admin" });
    for (const unknown of [{}, { _claim_names: { groups: "src1" } }, { groups: 7 }, { groups: { a: 1 } }])
      await signInAgain(acme, eve(unknown));
    expect(await state()).toMatchObject({ inTeams: { names: "web" }, role: "admin" });
    await signInAgain(acme, eve({ groups: [] }));
    expect(await state()).toMatchObject({ inTeams: { names: null }, role: "member" });
  });

  it("make no emergency administrator again of one who lost the role", async () => {
    await join(acme, eve({ groups: ["admins"] }));
    const settings = "/api/orgs/acme/sso/settings";
    await ok("PATCH", settings, { token: world.admin, json: { emergencyAdmins: ["eve"] } });
    await signInAgain(acme, eve({ groups: [] }));
    await signInAgain(acme, eve({ groups: ["admins"] }));
    expect(await state()).toMatchObject({ role: "admin" });
    expect(await ok("GET", settings, { token: world.admin })).toMatchObject({ emergencyAdmins: [] });
  });

  it("take away nothing that somebody gave by hand", async () => {
    await join(acme, eve({ groups: [] }));
    await ok("PATCH", "/api/orgs/acme/teams/ops", { token: world.admin, json: { memberAction: "add", member: "eve" } });
    await ok("PATCH", "/api/orgs/acme/members/eve", { token: world.admin, json: { role: "admin" } });
    await signInAgain(acme, eve({ groups: [] }));
    expect(await state()).toMatchObject({ inTeams: { names: "ops" }, role: "admin" });
  });
});

it("leads from a name or an address to the organization, and says the same for everything unknown", async () => {
  const browser = new Browser();
  for (const organization of ["acme", "ACME", "anybody@acme.example"]) {
    const page = await browser.post("/signin/sso", { organization, next: "/cli-login?cliSessionPort=1" });
    expect(page.headers.get("Refresh")).toBe("0;url=/login/acme/sso?next=%2Fcli-login%3FcliSessionPort%3D1");
  }
  const unknown = await Promise.all(
    ["globex", "nobody", "ada@globex.example", "a@b", "@", "x".repeat(300)].map(async (organization) =>
      (await browser.shown(browser.post("/signin/sso", { organization, next: "/" }), 400)).replaceAll(/ value="[^"]*"/g, ""),
    ),
  );
  expect(new Set(unknown).size).toBe(1);
  await browser.shown(browser.get("/login/globex/sso"), 404);
});

describe("a provider of the deployment", () => {
  const vars = env as unknown as { SIGN_IN_PROVIDERS?: string };
  afterEach(() => void delete vars.SIGN_IN_PROVIDERS);
  const setting = (idp: FakeIdp, more: object = {}) =>
    JSON.stringify([
      {
        name: "corp",
        title: "Corp",
        issuer: idp.url,
        clientId: idp.clientId,
        clientSecret: "s",
        allowedDomains: ["acme.example"],
        ...more,
      },
    ]);

  it("has a button, gives an account and no membership, and its sessions open all organizations of the person", async () => {
    const idp = await FakeIdp.start();
    vars.SIGN_IN_PROVIDERS = setting(idp);
    const browser = new Browser();
    expect(await browser.shown(browser.get("/signin?next=%2Facme"))).toContain(
      'href="/login/~corp/sso?connection=deployment-corp&amp;next=%2Facme"',
    );
    const start = "/login/~corp/sso?next=%2Facme";
    expect(await browser.led(idp.visit(browser, start, { claims: eve() }))).toBe("/login/first");
    expect(await browser.led(browser.post("/login/first", { as: "new" }))).toBe("/acme");
    await browser.shown(browser.get("/acme"), 404);
    await ok("POST", "/api/orgs/acme/members/eve", { token: world.admin, json: { role: "member" } });
    await browser.shown(browser.get("/acme"));
    await browser.shown(browser.get("/user/settings/organizations"));

    const stranger = new Browser();
    await stranger.led(idp.visit(stranger, start, { claims: eve({ sub: "x", email: "x@evil.example" }) }));
    expect(await stranger.shown(stranger.post("/login/first", { as: "new" }), 403)).toContain("Ask the operator");
  });

  it("is ignored if the setting is not valid", async () => {
    const idp = await FakeIdp.start();
    const invalid = [
      "{",
      "{}",
      "[1]",
      setting(idp, { name: "UPPER" }),
      setting(idp, { issuer: undefined }),
      setting(idp, { allowedDomains: "acme.example" }),
    ];
    for (const text of invalid) {
      vars.SIGN_IN_PROVIDERS = text;
      expect(await new Browser().shown(new Browser().get("/signin"))).not.toContain("/login/~");
      await new Browser().shown(new Browser().get("/login/~corp/sso"), 404);
    }
  });
});

describe("GitHub", () => {
  it("signs in by the number of the account, and refuses its errors, which have the status 200", async () => {
    const idp = new FakeIdp();
    const answer = (path: string, value: unknown) => idp.put(path, { body: JSON.stringify(value) });
    await answer("/api/v3/user", { id: 583231, login: "octo", name: "Octo Cat" });
    await answer("/api/v3/user/emails", [
      { email: "octo@other.example", primary: false, verified: true },
      { email: "octo@acme.example", primary: true, verified: true },
    ]);
    const json = { kind: "github", name: "GitHub", issuer: idp.url, clientId: "c", clientSecret: "s", allowedDomains: ["acme.example"] };
    const { id } = await ok<{ id: string }>("POST", CONNECTIONS, { token: world.admin, json });
    const come = async (browser: Browser, code = "a-code") => {
      const there = new URL(await browser.led(browser.get(`/login/acme/sso?connection=${id}&next=%2Facme`)));
      expect(there.href).toContain(`${idp.url}/login/oauth/authorize?`);
      return browser.get(`${there.searchParams.get("redirect_uri")}?code=${code}&state=${there.searchParams.get("state")}`);
    };
    await answer("/login/oauth/access_token", { error: "bad_verification_code" });
    const refusedOne = new Browser();
    expect(await refusedOne.shown(come(refusedOne), 400)).toContain("did not accept the sign-in");
    await answer("/login/oauth/access_token", { access_token: "gho_x", token_type: "bearer" });
    const browser = new Browser();
    expect(await browser.led(come(browser))).toBe("/login/first");
    expect(await browser.led(browser.post("/login/first", { as: "new" }))).toBe("/acme");
    expect(await row("SELECT subject FROM identities")).toEqual({ subject: "583231" });
    // The id stays the same when the name and the address change.
    await answer("/api/v3/user", { id: 583231, login: "renamed", name: null });
    await answer("/api/v3/user/emails", { message: "none" });
    const again = new Browser();
    expect(await again.led(come(again))).toBe("/acme");
  });
});

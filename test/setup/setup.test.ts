import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ownPaths } from "../../src/orgs/newName.ts";
import { routes } from "../../src/app/routes.ts";
import { pages } from "../../src/console/pages.ts";
import { Browser, FakeIdp, row } from "../sso/support/idp.ts";
import { settledLog } from "../support/audit.ts";
import { ok } from "../support/client.ts";
import { newVisitor, shown } from "../support/browser.ts";
import { newWorld } from "../support/world.ts";

const OPERATOR = "the-operator-of-these-tests-and-nobody-else";
const good = { operator: OPERATOR, organization: "acme", how: "token", login: "ada" };

/** The token that the page shows. */
const tokenIn = (page: string) => /pul-[0-9a-f]{40}/.exec(page)?.[0];

/** Sets the provider of the deployment for the rest of the test. */
async function deploymentProvider(): Promise<FakeIdp> {
  const idp = await FakeIdp.start();
  const vars = env as unknown as Record<string, unknown>;
  const provider = {
    name: "staff",
    title: "Staff",
    issuer: idp.url,
    clientId: idp.clientId,
    clientSecret: "s",
    allowedDomains: ["x.example"],
  };
  vars["SIGN_IN_PROVIDERS"] = JSON.stringify([provider]);
  onTestFinished(() => void delete vars["SIGN_IN_PROVIDERS"]);
  return idp;
}

/** Takes a browser from the form to the provider and back. */
async function setUpBySignIn(idp: FakeIdp, browser: Browser, sub: string, organization = "acme"): Promise<Response> {
  const form = { operator: OPERATOR, organization, how: "deployment-staff", login: "" };
  const answer = await browser.post("/setup", form);
  expect(answer.status, await answer.clone().text()).toBe(200);
  const there = new URL(answer.headers.get("Refresh")!.slice("0;url=".length));
  expect(there.searchParams.get("code_challenge_method")).toBe("S256");
  await idp.answerWith(there.searchParams.get("nonce")!, { claims: { sub, preferred_username: sub } });
  const back = new URL(there.searchParams.get("redirect_uri")!);
  for (const [name, value] of Object.entries({ code: "c", state: there.searchParams.get("state")!, iss: idp.url }))
    back.searchParams.set(name, value);
  return browser.get(back.href);
}

describe("a deployment without an organization", () => {
  it("makes the first organization with a token that is shown once, and has no setup after that", async () => {
    const visitor = newVisitor();
    expect(await shown(visitor.get("/signin"))).toContain('href="/setup"');
    expect(await shown(visitor.get("/setup"))).toContain("Set up this deployment");
    const page = await shown(visitor.post("/setup", good));
    const token = tokenIn(page)!;
    expect(await ok("GET", "/api/user", { token })).toMatchObject({ githubLogin: "ada", organizations: [{ name: "acme" }] });
    await ok("POST", "/api/orgs/acme/tokens", { token, json: { name: "ci" } });
    const [created] = await settledLog();
    expect(created).toMatchObject({ event: "organization-created", userLogin: "ada", tokenName: "setup by the operator" });
    expect(created!.description).toContain("setup page with the operator's token. Its administrator is ada, with the personal token");
    expect(created!.description).not.toContain(token);

    for (const answer of [visitor.get("/setup"), visitor.post("/setup", good), visitor.post("/setup", { ...good, organization: "other" })])
      expect(await shown(answer, 404)).toContain("There is no such page.");
    expect(await shown(visitor.get("/signin"))).not.toContain("/setup");
    expect(await row("SELECT count(*) AS n FROM organizations")).toEqual({ n: 1 });
  });

  it("makes the person who signs in with the provider of the deployment its administrator", async () => {
    const idp = await deploymentProvider();
    const browser = new Browser();
    expect(await browser.shown(browser.get("/setup"))).toContain("Sign in with Staff");
    expect(await browser.led(setUpBySignIn(idp, browser, "grace"))).toBe("/acme");
    expect(await browser.shown(browser.get("/acme/~/members"))).toContain("grace");
    expect(await row("SELECT role, accepted_at > 0 AS accepted FROM members")).toEqual({ role: "admin", accepted: 1 });
    const log = await settledLog();
    expect(log.map(({ event }) => event)).toEqual(["organization-created"]);
    expect(log[0]!.description).toContain('grace, who signed in through "Staff" as grace: session');
    // The next sign-in finds the same account.
    const again = new Browser();
    expect(await again.led(idp.visit(again, "/login/~staff/sso?next=%2Facme", { claims: { sub: "grace" } }))).toBe("/acme");
  });

  it("uses the account of a person who has signed in before, and gives a new person no login that somebody has", async () => {
    const idp = await deploymentProvider();
    await env.DB.prepare("INSERT INTO users (id, login, name, created_at) VALUES ('u1', 'grace', 'Grace', 0), ('u2', 'ACME', '', 0)").run();
    await env.DB.prepare(
      "INSERT INTO identities (id, connection_id, issuer, subject, user_id, email, created_at, last_sign_in_at) VALUES ('i1', 'deployment-staff', ?, 'known', 'u1', '', 0, 0)",
    )
      .bind(idp.url)
      .run();
    const browser = new Browser();
    expect(await browser.shown(setUpBySignIn(idp, browser, "known", "acme"), 409)).toContain("a person has the name acme");
    expect(await row("SELECT count(*) AS n FROM organizations")).toEqual({ n: 0 });
    expect(await browser.led(setUpBySignIn(idp, browser, "known", "globex"))).toBe("/globex");
    expect(await row("SELECT user_id, role FROM members")).toEqual({ user_id: "u1", role: "admin" });
  });

  it("has one organization after two setups at once", async () => {
    const idp = await deploymentProvider();
    const browser = new Browser();
    const visitor = newVisitor();
    const both = ["acme", "globex", "initech"].map((organization, i) =>
      visitor.post("/setup", { ...good, organization, login: `ada${i}` }),
    );
    const statuses = (await Promise.all([...both, setUpBySignIn(idp, browser, "grace", "hooli")])).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 404)).toHaveLength(1);
    expect(
      await row(
        "SELECT count(*) AS orgs, (SELECT count(*) FROM members) AS members, (SELECT count(*) FROM users) AS users FROM organizations",
      ),
    ).toEqual({
      orgs: 1,
      members: 1,
      users: 1,
    });
    expect((await settledLog()).map(({ event }) => event)).toEqual(["organization-created"]);
  });

  it("tells a stranger nothing, counts wrong credentials, and does nothing for the form of another site", async () => {
    const visitor = newVisitor();
    for (const operator of ["", "wrong", `${OPERATOR}x`, "x".repeat(5000)]) {
      const page = await shown(visitor.post("/setup", { ...good, operator }), 403);
      expect(page).toContain("This is not the operator&#39;s token");
      expect(page).not.toContain("x".repeat(5000));
    }
    expect((await visitor.post("/setup", good, { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
    const vars = env as unknown as Record<string, unknown>;
    const before = vars["OPERATOR_TOKEN"];
    onTestFinished(() => void (vars["OPERATOR_TOKEN"] = before));
    delete vars["OPERATOR_TOKEN"];
    for (const operator of ["", OPERATOR, "undefined"]) await shown(visitor.post("/setup", { ...good, operator }), 403);
    vars["OPERATOR_TOKEN"] = before;
    const limit = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => limit.mockRestore());
    expect(await shown(visitor.post("/setup", { ...good, operator: "wrong" }), 429)).toContain("Too many wrong values");
    expect(limit).toHaveBeenCalledWith({ key: "203.0.113.9" });
    await shown(visitor.post("/setup", good));
  });

  it.each([
    ["organization", ""],
    ["organization", "ac"],
    ["organization", "a".repeat(41)],
    ["organization", "a".repeat(20_000)],
    ["organization", "-acme"],
    ["organization", "ac me"],
    ["organization", "acme\u0000"],
    ["organization", "\ud83d\ude00\ud83d\ude00"],
    ["organization", "../../etc"],
    ["organization", "<script>alert(1)</script>"],
    ["organization", "'; DROP TABLE users; --"],
    ["organization", "login"],
    ["organization", "API"],
    ["login", ""],
    ["login", "ada@example.com"],
    ["login", "ACME"],
    ["login", "ada\r\nSet-Cookie: a=b"],
    ["how", "deployment-nobody"],
    ["how", "__proto__"],
  ])("refuses a form whose %s is %j", async (name, value) => {
    const page = await shown(newVisitor().post("/setup", { ...good, [name]: value }), 400);
    expect(page).toContain("Please correct the marked fields.");
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain(OPERATOR);
    expect(await row("SELECT (SELECT count(*) FROM organizations) + (SELECT count(*) FROM users) AS n")).toEqual({ n: 0 });
  });
});

it("has no setup beside organizations that a command made, and a sign-in that was begun before ends without one", async () => {
  const idp = await deploymentProvider();
  const browser = new Browser();
  const answer = browser.post("/setup", { operator: OPERATOR, organization: "initech", how: "deployment-staff", login: "" });
  const there = new URL((await answer).headers.get("Refresh")!.slice("0;url=".length));
  await newWorld();
  await idp.answerWith(there.searchParams.get("nonce")!, { claims: { sub: "late" } });
  const back = new URL(there.searchParams.get("redirect_uri")!);
  for (const [name, value] of Object.entries({ code: "c", state: there.searchParams.get("state")!, iss: idp.url }))
    back.searchParams.set(name, value);
  await browser.shown(browser.get(back.href), 404);
  expect(browser.session).toBeUndefined();
  expect(await row("SELECT count(*) AS n FROM users WHERE login = 'late'")).toEqual({ n: 0 });
});

it("gives no organization the name of a path of this server", () => {
  const paths = [...routes.map(({ definition }) => definition.path), ...pages.map(({ path }) => path)];
  const first = new Set(paths.map((path) => path.split("/")[1]!).filter((part) => /^[a-z]/.test(part)));
  expect([...first].filter((part) => !ownPaths.includes(part))).toEqual([]);
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { ResponseAuditLogs } from "../../src/auditlogs/openapi.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { type Visitor, newVisitor, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const HOUR = 3_600_000;
const PAGE = "/acme/~/tokens";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const signInAnswer = (token: string) => newVisitor().post("/signin", { token });
const sessions = async () =>
  (await env.DB.prepare("SELECT count(*) AS n FROM access_tokens WHERE kind = 'session'").first<{ n: number }>())!.n;
const newToken = (token = world.admin) =>
  ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token, json: { description: "x" } });
const isOut = async (visitor: Visitor, path = PAGE) =>
  expect((await visitor.get(path)).headers.get("Location") ?? "no redirect").toMatch(/^\/signin/);
const cached = async () =>
  Promise.all((await env.TOKEN_CACHE.list()).keys.map(async ({ name }) => [name, (await env.TOKEN_CACHE.get(name))!] as const));
/** A session whose token was deleted while a cache still contains its identity. */
async function cachedAfterItsEnd(token = world.admin): Promise<Visitor> {
  const { id, tokenValue } = await newToken(token);
  const visitor = await signIn(tokenValue);
  await shown(visitor.get("/acme"));
  const before = await cached();
  await ok("DELETE", `/api/user/tokens/${id}`, { token });
  for (const [name, value] of before) await env.TOKEN_CACHE.put(name, value);
  return visitor;
}

describe("a session", () => {
  it("is opened by a personal token, and recorded in each organization's log", async () => {
    const events = await eventsOf(() => signIn(world.admin));
    expect(events).toMatchObject([{ event: "user-login", userLogin: "ada" }]);
  });

  it("is linked in the log to the personal token that opened it, by its sign-in and by its actions", async () => {
    const { id, tokenValue } = await newToken();
    const thief = await signIn(tokenValue);
    const own = await signIn(world.admin);
    // The session acts, and then its calls are refused, also when its identity is cached.
    await thief.post(`${PAGE}/new`, { name: "sneaky", expiry: "never" });
    await thief.post(`${PAGE}/new`, { name: "sneakier", expiry: "never" });
    await own.post(`${PAGE}/new`, { name: "mine", expiry: "never" });
    await settledLog();
    const log = (query: string) =>
      ok<ResponseAuditLogs>("GET", `/api/orgs/acme/auditlogs/v2?${query}`, { token: world.admin }).then((page) => page.auditLogEvents);
    const byToken = await log(`tokenFilter=${id}`);
    expect(byToken.map(({ event }) => event)).toEqual(["organization-token-created", "organization-token-created", "user-login"]);
    const [second, first, login] = byToken;
    const session = first!.tokenID!;
    expect([second!.tokenID, second!.openedWith, first!.openedWith, login!.openedWith]).toEqual([session, id, id, undefined]);
    expect(login!.description).toBe(`Signed in to the console with a personal token: session ${session}.`);
    expect((await log(`tokenFilter=${session}`)).map(({ event }) => event)).toEqual([
      "organization-token-created",
      "organization-token-created",
    ]);
    expect(await log(`tokenFilter=${id}&textFilter=sneakier`)).toEqual([second]);
    expect(await log(`tokenFilter=${id}&eventFilter=user-login`)).toEqual([login]);
    expect((await log("textFilter=mine"))[0]!.openedWith).not.toBe(id);
    const record = await shown(own.get(`/acme/~/audit/${first!.sequence}`));
    expect(record).toContain("Opened with");
    expect(record).toContain(`href="/acme/~/audit?tokenFilter=${id}"`);
    expect(await shown(own.get(`/acme/~/audit?tokenFilter=${id}`))).toContain("sneakier");
  });

  it("is not opened by a machine's token, nor by a token that has ended", async () => {
    const { tokenValue } = await newOrgToken(world, "ci", { admin: true });
    expect(await shown(signInAnswer(tokenValue), 400)).toContain("belongs to a machine");
    expect(await shown(signInAnswer("pul-0000000000000000000000000000000000000000"), 400)).toContain("not a valid access token");
    expect(await sessions()).toBe(0);
  });

  it("is not opened by a deleted token that is still cached", async () => {
    const { id, tokenValue } = await newToken();
    await ok("GET", "/api/user", { token: tokenValue });
    const before = await cached();
    await ok("DELETE", `/api/user/tokens/${id}`, { token: world.admin });
    for (const [name, value] of before) await env.TOKEN_CACHE.put(name, value);
    await ok("GET", "/api/user", { token: tokenValue });
    expect(await shown(signInAnswer(tokenValue), 400)).toMatch(/This token cannot be used: personal token was deleted on/);
    expect(await sessions()).toBe(0);
  });

  it("ends with the token that opened it, and with no other", async () => {
    const { id, tokenValue } = await newToken();
    const [theirs, mine] = [await signIn(tokenValue), await signIn(world.admin)];
    await shown(theirs.get(PAGE));
    await ok("DELETE", `/api/user/tokens/${id}`, { token: world.admin });
    laterBy(61_000);
    await isOut(theirs);
    await shown(mine.get(PAGE));
  });

  it("whose token has just ended changes nothing, whatever is cached of it", async () => {
    const theirs = await cachedAfterItsEnd();
    expect((await theirs.post(`${PAGE}/new`, { name: "sneaky", expiry: "never" })).status).toBe(303);
    expect((await ok<{ tokens: unknown[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin })).tokens).toEqual([]);
  });

  it("that has ended is replaced by signing in once, whatever is cached of it", async () => {
    const theirs = await cachedAfterItsEnd();
    const events = await eventsOf(async () => expect((await theirs.post("/signin", { token: world.admin })).status).toBe(303));
    expect(events.map(({ event }) => event)).toEqual(["user-login"]);
    expect(await sessions()).toBe(2);
  });

  it("that has ended leads to the sign-in where a right is looked up again, too", async () => {
    const theirs = await cachedAfterItsEnd(world.member);
    const answer = await theirs.get(PAGE);
    expect([answer.status, answer.headers.get("Location")]).toEqual([303, `/signin?next=${encodeURIComponent(PAGE)}`]);
  });

  it("ends when its token is reported as leaked", async () => {
    const { tokenValue } = await newToken();
    const theirs = await signIn(tokenValue);
    await ok("POST", "/api/token-leaks", { token: tokenValue, json: { token: tokenValue } });
    laterBy(61_000);
    await isOut(theirs);
  });

  it("ends twelve hours after its last use", async () => {
    const visitor = await signIn(world.admin);
    laterBy(11 * HOUR);
    await shown(visitor.get(PAGE));
    laterBy(11 * HOUR);
    await shown(visitor.get(PAGE));
    laterBy(12 * HOUR + 1000);
    await isOut(visitor);
  });

  it("ends after a week, however it is used", async () => {
    const visitor = await signIn(world.admin);
    for (let hours = 0; hours < 7 * 24 - 11; hours += 11) {
      laterBy(11 * HOUR);
      await shown(visitor.get(PAGE));
    }
    // The session was used every 12 hours, but the week is over.
    laterBy(11 * HOUR);
    await isOut(visitor);
  });

  it("ends by signing out, and everywhere by signing out everywhere", async () => {
    const [one, two, three] = [await signIn(world.admin), await signIn(world.admin), await signIn(world.admin)];
    expect((await one.post("/signout", {})).status).toBe(303);
    await isOut(one);
    await shown(two.get(PAGE));
    expect((await two.post("/signout/everywhere", {})).status).toBe(303);
    await isOut(two);
    await isOut(three);
    const ended = (await settledLog()).filter(({ event }) => event === "user-session-ended");
    expect(ended.map(({ description }) => description)).toEqual([
      expect.stringMatching(/^Signed out: ended a console session \([\w-]{36}\)\.$/),
      "Signed out everywhere: ended all console sessions of this person.",
    ]);
    expect(ended.map(({ tokenName }) => tokenName)).toEqual(["console session", "console session"]);
  });

  it("is not accepted by the API, and is in no list of tokens", async () => {
    const answer = await signInAnswer(world.admin);
    const value = /__Host-stackpass=([^;]+)/.exec(answer.headers.get("Set-Cookie") ?? "")![1]!;
    expect(value).toMatch(/^pul-/);
    await refused(401, "GET", "/api/user", { token: value });
    const { tokens } = await ok<{ tokens: { description: string }[] }>("GET", "/api/user/tokens?filter=all", { token: world.admin });
    expect(tokens).toHaveLength(1);
  });

  it("leaves no row behind a month after its end", async () => {
    await signIn(world.admin);
    laterBy(30 * 24 * HOUR);
    await signIn(world.admin);
    expect(await sessions()).toBe(2);
    laterBy(2 * 24 * HOUR);
    await signIn(world.admin);
    expect(await sessions()).toBe(2);
  });
});

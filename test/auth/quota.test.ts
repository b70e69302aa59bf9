import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { flushRefusals } from "../../src/metrics/refusals.ts";
import { openStore } from "../../src/db/client.ts";
import { eventsOf } from "../support/audit.ts";
import { signIn } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, gzip, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: NewToken;
beforeEach(async () => {
  world = await newWorld();
  token = await newOrgToken(world, "ci");
  // No period that the Worker's clock measures ends during a test.
  laterBy(0);
});

const names = ["TOKEN_REQUESTS", "ORGANIZATION_REQUESTS", "TOKEN_IMPORTS", "ORGANIZATION_IMPORTS"] as const;
type Name = (typeof names)[number];
/** Number of requests in a period that an isolate accepts before it asks the limiter. */
const UNASKED = 50;

const LIMIT = 3;
/**
 * For the rest of the test the limiter counts up to a low limit, and its period does not end. The real limiter begins a new period every 10
 * seconds of the machine's clock, so a period could end at any moment of the test.
 */
function lower(name: Name): void {
  const counts = new Map<string, number>();
  const spy = vi.spyOn(env[name], "limit").mockImplementation(async ({ key }) => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return { success: counts.get(key)! <= LIMIT };
  });
  onTestFinished(() => spy.mockRestore());
}

/** For the rest of the test the limiter reports that every caller exceeds its limit. */
function refuseAll(name: Name): void {
  const spy = vi.spyOn(env[name], "limit").mockResolvedValue({ success: false });
  onTestFinished(() => spy.mockRestore());
}

/** @returns the statuses of requests one after the other */
async function statuses(count: number, send: () => Promise<Response>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await send()).status);
  return found;
}

const STACK_PATH = "/api/stacks/acme/web/dev";
/** Sets a limit for the rest of the test. */
function limit(name: "TOKEN_BYTES_PER_MINUTE" | "ORGANIZATION_BYTES_PER_MINUTE", bytes: number): void {
  Object.assign(env, { [name]: String(bytes) });
  onTestFinished(() => void Reflect.deleteProperty(env, name));
}
const getUser = () => call("GET", "/api/user", { token: token.tokenValue });

describe("requests", () => {
  it.each([
    ["a token", "TOKEN_REQUESTS", "token", 200],
    ["an organization", "ORGANIZATION_REQUESTS", "organization", 429],
  ] as const)("of %s beyond the limit are 429, and say when to come back", async (_, name, whose, ofOthers) => {
    // Pages are counted for their reader only, because the organization's other people must be able to end a flood.
    const admin = await signIn(world.admin);
    const other = await newOrgToken(world, "other");
    lower(name);
    // Few requests are not counted.
    const own = await statuses(UNASKED + LIMIT, getUser);
    const others = await statuses(UNASKED + 1, () => call("GET", "/api/user", { token: other.tokenValue }));
    const last = await getUser();
    expect(new Set(own)).toEqual(new Set([200]));
    expect(last.status).toBe(429);
    expect(last.headers.get("Retry-After")).toBe("10");
    expect(await last.json()).toEqual({ code: 429, message: `Too Many Requests: this ${whose} makes too many requests` });
    expect(others.at(-1)).toBe(ofOthers);
    expect(new Set(await statuses(UNASKED + 1, () => admin.get("/acme/~/tokens")))).toEqual(new Set([200]));
  });

  it("that are over the limit change nothing", async () => {
    refuseAll("TOKEN_REQUESTS");
    const create = () => call("POST", "/api/stacks/acme/web", { token: token.tokenValue, json: { stackName: "dev" } });
    await statuses(UNASKED, getUser);
    await changesNothing(async () => expect((await create()).status).toBe(429));
  });

  it("that are few ask no limiter", async () => {
    const spies = (["TOKEN_REQUESTS", "ORGANIZATION_REQUESTS"] as const).map((name) => vi.spyOn(env[name], "limit"));
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
    expect(new Set(await statuses(20, getUser))).toEqual(new Set([200]));
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("are not refused when no limiter answers", async () => {
    const spies = names.map((name) => vi.spyOn(env[name], "limit").mockRejectedValue(new Error("away")));
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
    expect(new Set(await statuses(UNASKED + 20, getUser))).toEqual(new Set([200]));
  });

  it("that a running update needs are never refused: those under its lease, and encryption", async () => {
    await newStack(token.tokenValue);
    const { path, lease } = await startUpdate(token.tokenValue);
    names.forEach(refuseAll);
    limit("TOKEN_BYTES_PER_MINUTE", 1);
    limit("ORGANIZATION_BYTES_PER_MINUTE", 1);
    const events = { events: [{ sequence: 0, timestamp: 0 }] };
    const answers = [
      ...(await statuses(UNASKED + 20, () => call("POST", `${path}/events/batch`, { lease, json: events }))),
      ...(await statuses(UNASKED + 20, () => call("POST", `${STACK_PATH}/encrypt`, { token: token.tokenValue, json: { plaintext: "" } }))),
      ...(await statuses(UNASKED + 20, () =>
        call("POST", `${STACK_PATH}/batch-encrypt`, { token: token.tokenValue, json: { plaintexts: [""] } }),
      )),
      (await call("POST", `${path}/renew_lease`, { lease, json: { token: "", duration: 300 } })).status,
      (await call("POST", `${path}/complete`, { lease, json: { status: "succeeded" } })).status,
    ];
    expect(new Set(answers)).toEqual(new Set([200, 204]));
  });

  it("that end a credential, a membership or an update are never refused", async () => {
    await newStack(token.tokenValue);
    const { path } = await startUpdate(token.tokenValue);
    names.forEach(refuseAll);
    const by = { token: world.admin };
    await statuses(UNASKED, () => call("GET", "/api/user", by));
    expect((await call("GET", "/api/orgs/acme/tokens", by)).status).toBe(429);
    await ok("POST", `${path}/cancel`, by);
    await ok("POST", `/api/orgs/acme/tokens/${token.id}/disable`, by);
    await ok("DELETE", `/api/orgs/acme/tokens/${token.id}`, by);
    await ok("DELETE", "/api/orgs/acme/members/mel", by);
  });

  it("of a session are counted as those of a token, and a page says so", async () => {
    const admin = await signIn(world.admin);
    refuseAll("TOKEN_REQUESTS");
    let last: Response | undefined;
    for (let i = 0; i < UNASKED + 20; i++) last = await admin.get("/acme/~/tokens");
    expect(last!.status).toBe(429);
    expect(last!.headers.get("Retry-After")).toBe("10");
    expect(await last!.text()).toContain("Too many requests");
  });

  it("beyond a limit leave one event for each token and minute, and count as refusals", async () => {
    refuseAll("TOKEN_REQUESTS");
    await flushRefusals(openStore(env));
    await env.DB.exec("DELETE FROM measures");
    let refusedCount = 0;
    const events = await eventsOf(async () => {
      refusedCount = (await statuses(UNASKED + 30, getUser)).filter((status) => status === 429).length;
    });
    expect(events).toMatchObject([
      {
        event: "auth-failure-rate-limit",
        description: "Refused: this token makes too many requests.",
        userLogin: "acme",
        authFailure: true,
      },
    ]);
    await flushRefusals(openStore(env));
    expect(refusedCount).toBeGreaterThan(0);
    expect(
      await env.DB.prepare("SELECT value FROM measures WHERE name = 'refusals' AND label = 'rate_limited'").first<number>("value"),
    ).toBe(refusedCount);
  });
});

describe("imports", () => {
  const state = deploymentOf([rootStack]);
  const send = (path: string, json: unknown) => call("POST", path, { token: token.tokenValue, json });

  it.each([
    ["a token", "TOKEN_IMPORTS", "token"],
    ["an organization", "ORGANIZATION_IMPORTS", "organization"],
  ] as const)("of %s beyond the limit are 429, and say when to come back", async (_, name, whose) => {
    await newStack(token.tokenValue);
    lower(name);
    const answers: Response[] = [];
    for (let i = 0; i <= LIMIT; i++) answers.push(await send(`${STACK_PATH}/import`, state));
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: LIMIT }, () => 200), 429]);
    expect(answers.at(-1)!.headers.get("Retry-After")).toBe("60");
    expect(await answers.at(-1)!.json()).toEqual({ code: 429, message: `Too Many Requests: this ${whose} makes too many imports` });
  });

  it("are all calls that send or create a whole state, and no others", async () => {
    await newStack(token.tokenValue);
    refuseAll("TOKEN_IMPORTS");
    await changesNothing(async () => {
      expect((await send(`${STACK_PATH}/import`, state)).status).toBe(429);
      expect((await send("/api/stacks/acme/web", { stackName: "first", state })).status).toBe(429);
      expect((await call("POST", `${STACK_PATH}/reencrypt`, { token: world.admin, json: {} })).status).toBe(429);
    });
    expect((await send("/api/stacks/acme/web", { stackName: "second" })).status).toBe(200);
    await ok("GET", `${STACK_PATH}/export`, { token: token.tokenValue });
    await startUpdate(token.tokenValue);
  });
});

describe("bytes", () => {
  const big = deploymentOf([component("a", { text: "x".repeat(200_000) })]);
  const importIt = async (by: NewToken) =>
    call("POST", `${STACK_PATH}/import`, {
      token: by.tokenValue,
      body: await gzip(JSON.stringify(big)),
      headers: { "Content-Encoding": "gzip" },
    });

  it.each([
    ["a token", "TOKEN_BYTES_PER_MINUTE", "token", 200],
    ["an organization", "ORGANIZATION_BYTES_PER_MINUTE", "organization", 429],
  ] as const)("of %s beyond the limit are 429 until the minute is over", async (_, name, whose, ofOthers) => {
    await newStack(token.tokenValue);
    const other = await newOrgToken(world, "other");
    limit(name, 300_000);
    // The inflated bytes count, because R2 stores them inflated.
    expect(await statuses(2, () => importIt(token))).toEqual([200, 200]);
    const last = await importIt(token);
    const others = await importIt(other);
    expect(last.status).toBe(429);
    expect(await last.json()).toEqual({ code: 429, message: `Too Many Requests: this ${whose} sends too many bytes` });
    const seconds = Number(last.headers.get("Retry-After"));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(others.status).toBe(ofOthers);
    // A request without a body is answered, and the next minute begins with no bytes counted.
    await ok("GET", "/api/user", { token: token.tokenValue });
    laterBy(60_000);
    expect((await importIt(token)).status).toBe(200);
  });

  it("of JSON calls count inflated as well", async () => {
    await newStack(token.tokenValue);
    limit("TOKEN_BYTES_PER_MINUTE", 100_000);
    const body = await gzip(JSON.stringify({ metadata: { message: "x".repeat(60_000) } }));
    const create = () => call("POST", `${STACK_PATH}/update`, { token: token.tokenValue, body, headers: { "Content-Encoding": "gzip" } });
    expect(await statuses(3, create)).toEqual([200, 200, 429]);
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { newVisitor } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { signatureOf } from "../support/scanner.ts";
import { newOrgToken, newWorld } from "../support/world.ts";

/** The limits in `wrangler.toml`, for one minute. */
const FAILURES = 100;
const EVENTS = 60;
/** When a minute of the clock ends, each limit begins to count again. */
const minuteNow = () => Math.floor(Date.now() / 60_000);

/** @returns the minutes of the clock in which `work` was done, and what it returned */
async function inMinutes<T>(work: () => Promise<T>): Promise<[minutes: number, result: T]> {
  const began = minuteNow();
  const result = await work();
  return [minuteNow() - began + 1, result];
}

async function deletedToken() {
  const world = await newWorld();
  const token = await newOrgToken(world, "ci");
  await ok("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin });
  return token;
}

/** Presents a token once from each of many addresses. @returns the number of answers by status */
async function present(token: string, addresses: string[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const address of addresses) {
    const { status } = await call("GET", "/api/user", { token, headers: { "CF-Connecting-IP": address } });
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** Enough addresses to exceed every limit, even if a minute ends while they are used. */
const ADDRESSES = 150;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a flood with a dead token", () => {
  it("from many addresses of one IPv6 network of 64 bits is a flood from one address", { timeout: 120_000 }, async () => {
    const token = await deletedToken();
    const count = 2 * FAILURES + 50;
    const addresses = numbers(count).map((i) => `2001:db8:0:1::${i.toString(16)}`);
    let counts: Record<number, number> = {};
    const [minutes, events] = await inMinutes(() => eventsOf(async () => void (counts = await present(token.tokenValue, addresses))));
    expect(counts[401]).toBeLessThanOrEqual(minutes * FAILURES);
    expect(counts[401]! + (counts[429] ?? 0)).toBe(count);
    expect(events.length).toBeLessThanOrEqual(minutes * (EVENTS + 1));
  });

  it.each([
    ["IPv4 addresses", (i: number) => `198.51.${100 + (i >> 8)}.${i & 255}`],
    ["IPv6 networks", (i: number) => `2001:db8:1:${i.toString(16)}::1`],
  ])("from many %s is answered, and leaves few events", { timeout: 120_000 }, async (_, address) => {
    const token = await deletedToken();
    let counts: Record<number, number> = {};
    const [minutes, events] = await inMinutes(() =>
      eventsOf(async () => void (counts = await present(token.tokenValue, numbers(ADDRESSES).map(address)))),
    );
    expect(counts).toEqual({ 401: ADDRESSES });
    expect(events.length).toBeGreaterThanOrEqual(EVENTS);
    expect(events.length).toBeLessThanOrEqual(minutes * (EVENTS + 1));
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(["auth-failure-access-token", "auth-failure-rate-limit"]));
    expect(new Set(events.map(({ tokenId }) => tokenId))).toEqual(new Set([token.id]));
  });

  it("from an address over the limit leaves one event in a minute", async () => {
    const token = await deletedToken();
    const spy = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => spy.mockRestore());
    const flood = async () => {
      for (let i = 0; i < 5; i++) await refused(429, "GET", "/api/user", { token: token.tokenValue });
    };
    // The clock starts at a full minute, so that the minute does not end during the flood.
    laterBy(60_000 - (Date.now() % 60_000));
    const first = await eventsOf(flood);
    expect(first).toMatchObject([
      { event: "auth-failure-rate-limit", tokenId: token.id, tokenName: "ci", userLogin: "acme", authFailure: true },
    ]);
    laterBy(60_000);
    expect(await eventsOf(flood)).toHaveLength(1);
  });
});

it("a good token that is refused very often does not fill the log", { timeout: 120_000 }, async () => {
  const world = await newWorld();
  const token = await newOrgToken(world, "ci");
  const flood = async () => {
    for (const _ of numbers(2 * (EVENTS + 1) + 20)) await refused(403, "GET", "/api/orgs/acme/tokens", { token: token.tokenValue });
  };
  const [minutes, events] = await inMinutes(() => eventsOf(flood));
  expect(events.length).toBeGreaterThanOrEqual(EVENTS);
  expect(events.length).toBeLessThanOrEqual(minutes * (EVENTS + 1));
  expect(new Set(events.map(({ event }) => event))).toEqual(new Set(["auth-failure-organization-role", "auth-failure-rate-limit"]));
});

it("every refusal is recorded when the limiter does not answer", async () => {
  const token = await deletedToken();
  const spies = [env.FAILED_CREDENTIALS, env.REFUSAL_EVENTS].map((limiter) =>
    vi.spyOn(limiter, "limit").mockRejectedValue(new Error("the limiter is away")),
  );
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  const events = await eventsOf(() => present(token.tokenValue, numbers(3).map(String)));
  expect(events).toHaveLength(3);
});

it.each([
  ["reports of leaks", (address: string) => report("/api/token-leaks", { token: "pul-nonsense" }, address), 200],
  ["unsigned reports of a scanner", (address: string) => report("/api/token-leaks/scanner", [], address), 403],
  ["sign-ins", (address: string) => signIn(address), 400],
])("%s are counted by address, IPv6 by its network", async (_, send, status) => {
  await newWorld();
  const began = minuteNow();
  let answered = 0;
  for (;;) {
    const response = await send(`2001:db8:2:3::${answered.toString(16)}`);
    if (response.status === 429) {
      expect(response.headers.get("Retry-After")).toBe("60");
      break;
    }
    expect(response.status).toBe(status);
    expect(++answered).toBeLessThanOrEqual(FAILURES * (minuteNow() - began + 1));
  }
  expect(answered).toBeGreaterThan(0);
  expect((await send("2001:db8:2:4::1")).status).toBe(status);
});

it("a scanner whose signature is good is never turned away", async () => {
  const headers = { "X-Hub-Signature-256": await signatureOf("[]") };
  for (const _ of numbers(2 * FAILURES + 1))
    expect((await call("POST", "/api/token-leaks/scanner", { json: [], headers })).status).toBe(200);
});

const report = (path: string, json: unknown, address: string) => call("POST", path, { json, headers: { "CF-Connecting-IP": address } });

const signIn = (address: string) => newVisitor().post("/signin", { token: "nonsense" }, { "CF-Connecting-IP": address });

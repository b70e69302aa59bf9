import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { flush } from "../../src/auth/touch.ts";
import { openStore } from "../../src/db/client.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { breakDatabase } from "../support/faults.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const admin = () => ({ token: world.admin });
interface Usage {
  days: { day: string; requests: number }[];
  addresses: { value: string; lastUsed: number }[];
  countries: { value: string }[];
  clients: { value: string }[];
}
const usage = (id: string, days = 30) => ok<Usage>("GET", `${path}/${id}/usage?days=${days}`, admin());
const use = (token: string, address = "192.0.2.1", country = "CH", client = "pulumi-cli/1 (v3.259.0; linux; cmd=up)") =>
  ok("GET", "/api/user", { token, country, headers: { "CF-Connecting-IP": address, "User-Agent": client } });
/** Writes the counts that the isolate still holds, as it would after its 20 seconds. */
const settle = () => flush(openStore(env));

describe("usage", () => {
  it("counts accepted requests by day, exactly, and knows where they came from", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    laterBy(0);
    const today = new Date().toISOString().slice(0, 10);
    for (let i = 0; i < 5; i++) await use(tokenValue);
    await use(tokenValue, "2001:db8::1", "DE", "curl/8");
    await refused(403, "GET", path, { token: tokenValue });
    await settle();
    await eventually(async () => expect((await usage(id)).days).toEqual([{ day: today, requests: 6 }]));
    const found = await usage(id);
    expect(found.addresses.map(({ value }) => value).sort()).toEqual(["192.0.2.1", "2001:db8::1"]);
    expect(found.countries.map(({ value }) => value).sort()).toEqual(["CH", "DE"]);
    expect(found.clients.map(({ value }) => value).sort()).toEqual(["curl/8", "pulumi-cli v3.259.0"]);
    expect(await ok("GET", `${path}/${id}`, admin())).toMatchObject({
      lastUsedIP: "2001:db8::1",
      lastUsedCountry: "DE",
      lastUsedBy: "curl/8",
    });

    laterBy(86_400_000);
    await use(tokenValue);
    await settle();
    await eventually(async () => expect((await usage(id)).days.map((day) => day.requests)).toEqual([1, 6]));
    expect((await usage(id, 1)).days.map((day) => day.requests)).toEqual([1]);
  });

  it("keeps the ten latest addresses", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    for (let i = 1; i <= 12; i++) {
      laterBy(i * 1000);
      await use(tokenValue, `192.0.2.${i}`);
    }
    await settle();
    await eventually(async () => {
      const { addresses } = await usage(id);
      expect(addresses.map(({ value }) => value)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((i) => `192.0.2.${i}`));
    });
  });

  it("writes little: a hundred requests in a minute are two batches", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue);
    await settle();
    await env.DB.batch([
      env.DB.prepare("CREATE TABLE writes (n INTEGER)"),
      env.DB.prepare("CREATE TRIGGER counted AFTER UPDATE ON token_usage BEGIN INSERT INTO writes VALUES (1); END"),
    ]);
    for (let i = 0; i < 100; i++) await use(tokenValue);
    await settle();
    expect(await env.DB.prepare("SELECT count(*) AS n FROM writes").first<number>("n")).toBeLessThanOrEqual(2);
  });

  it("is not lost to a client that calls itself something else each time, at great length", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    const { id: otherId, tokenValue: other } = await newOrgToken(world, "other");
    await use(tokenValue);
    await use(other);
    await settle();
    // One parameter of D1 takes 2,000,000 bytes.
    for (let i = 0; i < 200; i++) await use(tokenValue, `192.0.2.${i}`, "CH", `${i} ${"\u00e9".repeat(15_000)}`);
    await use(other);
    const statements: unknown[][] = [];
    const open = env.DB.withSession.bind(env.DB);
    const spy = vi.spyOn(env.DB, "withSession").mockImplementation((...args) => {
      const session = open(...args);
      const prepare = (query: string) => {
        const statement = session.prepare(query);
        return Object.assign(Object.create(statement) as D1PreparedStatement, {
          bind: (...values: unknown[]) => (statements.push(values), statement.bind(...values)),
        });
      };
      return { prepare, batch: session.batch.bind(session), getBookmark: () => null } as unknown as D1DatabaseSession;
    });
    onTestFinished(() => spy.mockRestore());
    await settle();
    spy.mockRestore();
    expect(statements.length).toBeGreaterThan(0);
    for (const value of statements.flat()) expect(String(value).length).toBeLessThan(20_000);
    expect((await usage(id)).days).toMatchObject([{ requests: 201 }]);
    expect((await usage(id)).clients).toHaveLength(10);
    expect((await usage(otherId)).days).toMatchObject([{ requests: 2 }]);
  });

  it("waits for a database that is away", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue);
    await settle();
    for (let i = 0; i < 5; i++) await use(tokenValue);
    const mend = breakDatabase();
    await expect(settle()).rejects.toThrow("Service Unavailable");
    mend();
    await settle();
    expect((await usage(id)).days).toMatchObject([{ requests: 6 }]);
  });

  it("is visible to the organization's administrators, for its own tokens", async () => {
    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "x" } });
    for (const what of ["usage", "impact", "revocation"]) {
      await refused(404, "GET", `${path}/${theirs.id}/${what}`, admin());
      await refused(403, "GET", `${path}/${theirs.id}/${what}`, { token: world.member });
    }
    const { id } = await newOrgToken(world, "ci");
    for (const days of ["0", "401", "x"]) await refused(400, "GET", `${path}/${id}/usage?days=${days}`, admin());
  });
});

describe("the impact of a deletion", () => {
  it("is what the token changed in 90 days, and what runs under it", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    const other = await newOrgToken(world, "other");
    for (const stack of ["old", "dev", "preview", "prod"]) await newStack(tokenValue, "web", stack);
    const run = async (stack: string, token: string, options = {}) => {
      const update = await startUpdate(token, { stack: `web/${stack}`, ...options });
      await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    };
    await run("old", tokenValue);
    laterBy(91 * 86_400_000);
    await run("dev", tokenValue);
    laterBy(1000);
    await run("dev", tokenValue);
    await run("preview", tokenValue, { dryRun: true });
    await run("prod", other.tokenValue);
    const running = await startUpdate(tokenValue, { stack: "web/prod" });

    const impact = await ok<Record<string, unknown>>("GET", `${path}/${id}/impact`, admin());
    const now = Math.floor(Date.now() / 1000);
    expect(impact["runningUpdates"]).toEqual([
      { orgName: "acme", projectName: "web", stackName: "prod", updateID: running.id, kind: "update", started: now },
    ]);
    const changed = impact["stacks"] as { stackName: string; updates: number; lastUpdate: number }[];
    expect(new Map(changed.map(({ stackName, updates }) => [stackName, updates]))).toEqual(
      new Map([
        ["dev", 2],
        ["prod", 1],
      ]),
    );
    expect(changed.every(({ lastUpdate }) => lastUpdate === now)).toBe(true);
  });

  it("is empty for a token that was never used", async () => {
    const { id } = await newOrgToken(world, "ci");
    expect(await ok("GET", `${path}/${id}/impact`, admin())).toEqual({
      lastUsed: 0,
      lastUsedIP: "",
      lastUsedCountry: "",
      lastUsedBy: "",
      stacks: [],
      runningUpdates: [],
      successors: [],
      created: { total: 0, items: [] },
    });
  });
});

describe("the receipt of a deletion", () => {
  it("comes with the 204 and again on request: committed by when, and until when a cached read could pass", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue);
    await refused(404, "GET", `${path}/${id}/revocation`, admin());
    const before = Date.now();
    const response = await call("DELETE", `${path}/${id}`, admin());
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    const committed = Date.parse(response.headers.get("X-Revocation-Committed-By")!);
    expect(committed).toBeGreaterThanOrEqual(before);
    expect(committed).toBeLessThanOrEqual(Date.now());
    expect(Date.parse(response.headers.get("X-Revocation-Cached-Reads-End-By")!)).toBe(committed + 60_000);

    laterBy(5000);
    const receipt = await ok<Record<string, unknown>>("GET", `${path}/${id}/revocation`, admin());
    expect(receipt).toMatchObject({ tokenId: id, name: "ci", committedBy: new Date(committed).toISOString() });
    expect(receipt["lastUsed"]).toBeGreaterThan(0);
    // The second deletion returns the receipt of the first one.
    const again = await call("DELETE", `${path}/${id}`, admin());
    expect(again.headers.get("X-Revocation-Committed-By")).toBe(new Date(committed).toISOString());
  });

  it("is made by the first request for it, when it was lost", async () => {
    const { id } = await newOrgToken(world, "ci");
    await ok("DELETE", `${path}/${id}`, admin());
    await env.DB.prepare("UPDATE access_tokens SET deletion_seen_at = NULL WHERE id = ?").bind(id).run();
    laterBy(90_000);
    const { committedBy } = await ok<{ committedBy: string }>("GET", `${path}/${id}/revocation`, admin());
    expect(committedBy).toBe(new Date().toISOString());
    await changesNothing(() => ok("GET", `${path}/${id}/revocation`, admin()));
  });
});

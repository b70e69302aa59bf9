import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { networkOf } from "../../src/auth/network.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { flush } from "../../src/auth/touch.ts";
import type { RequestContext } from "../../src/context.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { ok } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { breakDatabase, loseDatabaseAnswers } from "../support/faults.ts";
import { type NewToken, type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const use = (token: string, address: string, country = "CH") =>
  ok("GET", "/api/user", { token, country, headers: { "CF-Connecting-IP": address } });
const settle = () => flush(openStore(env));
const NEW = ["token-used-from-new-network", "token-used-from-new-country"];
/** The log's events about first uses, in the order of their time. `settle` writes events and leaves them to the cron. */
async function told() {
  await relayLeftovers(env as Bindings, Date.now() + 120_000);
  return (await settledLog()).filter(({ event }) => NEW.includes(event));
}
/** Waits until the uses are stored. */
const stored = (tokenId: string, kind: string, count: number) =>
  eventually(async () => {
    const rows = await env.DB.prepare("SELECT count(*) AS n FROM token_origins WHERE token_id = ? AND kind = ?")
      .bind(tokenId, kind)
      .first("n");
    expect(rows).toBe(count);
  });

describe("the network of an address", () => {
  it("is its /24 or /48, in one form", () => {
    expect(["192.0.2.77", "::ffff:192.0.2.77", "2001:db8:1:2::5", "2001:0DB8:0001:ffff::", "::1", "unknown", ""].map(networkOf)).toEqual([
      "192.0.2.0/24",
      "192.0.2.0/24",
      "2001:db8:1::/48",
      "2001:db8:1::/48",
      "0:0:0::/48",
      "",
      "",
    ]);
  });
});

describe("a token that is used from a new network or country", () => {
  it("is told once, soon, and never for its very first use", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    const events = await eventsOf(async () => {
      await use(tokenValue, "192.0.2.1");
      await stored(id, "network", 1);
      await use(tokenValue, "192.0.2.99");
      await use(tokenValue, "198.51.100.7");
      await stored(id, "network", 2);
      await use(tokenValue, "198.51.100.8", "NZ");
      await stored(id, "country", 2);
      await use(tokenValue, "192.0.2.1");
      await settle();
    });
    expect(
      events.map(({ event, description, sourceIp, userLogin, tokenId, tokenName }) => ({
        event,
        description,
        sourceIp,
        userLogin,
        tokenId,
        tokenName,
      })),
    ).toEqual([
      {
        event: "token-used-from-new-network",
        description: `Used the organization token "ci" (${id}) from the network 198.51.100.0/24 for the first time.`,
        sourceIp: "198.51.100.7",
        userLogin: "acme",
        tokenId: id,
        tokenName: "ci",
      },
      {
        event: "token-used-from-new-country",
        description: `Used the organization token "ci" (${id}) from the country NZ for the first time.`,
        sourceIp: "198.51.100.8",
        userLogin: "acme",
        tokenId: id,
        tokenName: "ci",
      },
    ]);
    const usage = await ok<{ networks: { value: string }[] }>("GET", `/api/orgs/acme/tokens/${id}/usage`, { token: world.admin });
    expect(usage.networks.map(({ value }) => value).toSorted()).toEqual(["192.0.2.0/24", "198.51.100.0/24"]);
  });

  it("is told of a team's token, and of no person's", async () => {
    const team = await newTeamToken();
    for (const address of ["192.0.2.1", "198.51.100.1"]) {
      await use(team, address);
      await use(world.member, address);
      await settle();
    }
    expect((await told()).map(({ description }) => description)).toEqual([expect.stringContaining("Used the team token") as string]);
  });

  it("is neither lost nor doubled by a database that is away, or whose answers are lost", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue, "192.0.2.1");
    await stored(id, "network", 1);
    await settle();
    const mend = breakDatabase();
    await use(tokenValue, "198.51.100.1");
    await settle().catch(() => undefined);
    mend();
    /** The next write stores what a failed write has left behind, and the cron sends its event. */
    const settled = (count: number) =>
      eventually(async () => {
        await settle();
        await relayLeftovers(env as Bindings, Date.now() + 120_000);
        const events = "SELECT count(*) AS n FROM audit_events WHERE token_id = ? AND event = 'token-used-from-new-network'";
        expect(await env.DB.prepare(events).bind(id).first("n")).toBe(count);
      });
    await settled(1);
    const found = loseDatabaseAnswers();
    await use(tokenValue, "203.0.113.1");
    await settle().catch(() => undefined);
    found();
    await settled(2);
    await stored(id, "network", 3);
  });

  it("remembers the last 20 networks, and tells of no more than 20 within a day", async () => {
    const { id, tokenValue } = await newOrgToken(world, "roaming");
    laterBy(0);
    for (let i = 0; i < 30; i++) {
      laterBy(1000);
      await use(tokenValue, `10.0.${i}.1`);
      await settle();
    }
    await stored(id, "network", 20);
    // The first use at all makes no event.
    expect(await told()).toHaveLength(19);
    laterBy(86_400_000 + 60_000);
    await use(tokenValue, "10.0.0.1");
    await settle();
    await eventually(async () => expect(await told()).toHaveLength(20));
    await stored(id, "network", 20);
  });

  it("writes nothing for a network that is known", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue, "192.0.2.1");
    await stored(id, "network", 1);
    await settle();
    const prepared: string[] = [];
    const open = env.DB.withSession.bind(env.DB);
    const spy = vi.spyOn(env.DB, "withSession").mockImplementation((...args) => {
      const session = open(...args);
      const prepare = (query: string) => (prepared.push(query), session.prepare(query));
      return { prepare, batch: session.batch.bind(session), getBookmark: () => null } as unknown as D1DatabaseSession;
    });
    await use(tokenValue, "192.0.2.50");
    await settle();
    spy.mockRestore();
    expect(prepared.join("\n")).toContain("token_usage");
    expect(prepared.join("\n")).not.toContain("audit_outbox");
  });

  it("knows the networks of the token that it replaces", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue, "192.0.2.1");
    await stored(id, "network", 1);
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${id}/rotate`, { token: world.admin, json: { overlap: 3600 } });
    await use(next.tokenValue, "192.0.2.2");
    await stored(next.id, "network", 1);
    expect(await told()).toHaveLength(0);
    await use(next.tokenValue, "198.51.100.1");
    await stored(next.id, "network", 2);
    await eventually(async () => expect(await told()).toHaveLength(1));
  });

  it("is told once although many requests come at the same moment, from isolates that do not know each other", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await use(tokenValue, "192.0.2.1");
    await stored(id, "network", 1);
    await Promise.all(Array.from({ length: 20 }, (_, i) => use(tokenValue, `198.51.100.${i}`)));
    await settle();
    expect(await told()).toHaveLength(1);
    // From here on the Worker is another isolate, so this test is the last one. The new isolate does not know that this one has stored the
    // network.
    vi.resetModules();
    const other = await import("../../src/auth/touch.ts");
    expect(other.flush).not.toBe(flush);
    const row = await env.DB.prepare("SELECT org_id, hash FROM access_tokens WHERE id = ?")
      .bind(id)
      .first<{ org_id: string; hash: string }>();
    const work: Promise<unknown>[] = [];
    // The test does not wait for counters that are written after 20 seconds.
    const background = (name: string, run: (bindings: Bindings) => Promise<unknown>) => {
      if (name === "last use") work.push(run(env as Bindings));
    };
    const actor = { kind: "organization", token: { id, name: "ci", hash: row!.hash }, org: { id: row!.org_id, name: "acme" } };
    const from = (address: string) =>
      other.touch(
        { now: Date.now(), store: openStore(env), address, country: "CH", userAgent: "curl/8", background } as unknown as RequestContext,
        { actor, lastUsedAt: null } as unknown as Identity,
      );
    from("198.51.100.1");
    await work[0];
    expect(await told()).toHaveLength(1);
    from("203.0.113.1");
    await other.flush(openStore(env));
    expect(await told()).toHaveLength(2);
  });
});

import { env } from "cloudflare:workers";
import { sql as drizzle } from "drizzle-orm";
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { appendToChains } from "../../src/audit/append.ts";
import type { ChainRecord } from "../../src/audit/chain.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { matchText, matches } from "../../src/auditlogs/filter.ts";
import { amongRowsOf } from "../../src/auditlogs/read.ts";
import type { Bindings } from "../../src/env.ts";
import { ok, refused } from "../support/client.ts";
import { shareBindings } from "../support/fresh.ts";
import { allPages } from "../support/pages.ts";
import { countRowsRead } from "../support/rows.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const v2 = "/api/orgs/acme/auditlogs/v2";
const COUNT = 1200;
/** The number of the event that is written late. */
const LATE = 301;

let world: World;
let events: AuditEvent[];

/** A log in which each filter finds few of many events, spread over all of it. */
shareBindings(async () => {
  world = await newWorld();
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  events = Array.from({ length: COUNT }, (_, i) => ({
    id: `e-${String(i).padStart(5, "0")}`,
    orgId: orgId!,
    at: 1_000_000 + i * 1000,
    event: i % 40 === 0 ? "stack-deleted" : "stack-update-started",
    description: i % 100 === 7 ? `Rotated the Schlüssel of "acme/web/dev-${i}".` : `Started an update of stack "acme/web/dev-${i}".`,
    sourceIp: i % 60 === 0 ? "198.51.100.7" : "203.0.113.9",
    userLogin: i % 50 === 0 ? "mel" : "acme",
    userName: "x",
    tokenId: i % 30 === 0 ? "token-1" : i % 45 === 1 ? "session-1" : "token-2",
    tokenName: "ci",
    stack: i % 80 === 0 ? "web/prod" : i % 3 === 0 ? "" : "web/dev",
    // Some events, between those of the token itself, are of a session that token-1 opened.
    openedWith: i % 45 === 1 ? "token-1" : "",
    reqOrgAdmin: false,
    reqStackAdmin: false,
    authFailure: i % 70 === 0,
  }));
  // One event is written after all others, although it happened long before.
  const written = [...events.filter((_, i) => i !== LATE), events[LATE]!];
  for (let i = 0; i < COUNT; i += 400) await appendToChains(env as Bindings, written.slice(i, i + 400));
});

interface Shown {
  timestamp: number;
}

const one = {
  "tokenFilter=token-1": { token: "token-1" },
  "tokenFilter=session-1": { token: "session-1" },
  "stackFilter=web/prod": { stack: "web/prod" },
  "stackFilter=acme/web/prod": { stack: "web/prod" },
  "sourceIPFilter=198.51.100.7": { address: "198.51.100.7" },
  "refusalsOnly=true": { refused: true },
  "eventFilter=stack-deleted": { event: "stack-deleted" },
  "userFilter=mel": { user: "mel" },
  "textFilter=schlussel": { text: "schlussel" },
  "textFilter=ROTATED%20schl*%20dev-107": { text: "ROTATED schl* dev-107" },
  "startTime=1500&endTime=1520": { from: 1_500_000, until: 1_520_000 },
} as const;

const several = {
  "tokenFilter=token-1&userFilter=mel": { token: "token-1", user: "mel" },
  "refusalsOnly=true&eventFilter=stack-update-started": { refused: true, event: "stack-update-started" },
  "textFilter=started&tokenFilter=token-1": { text: "started", token: "token-1" },
  "tokenFilter=token-1&startTime=1200&endTime=1900&refusalsOnly=true": {
    token: "token-1",
    from: 1_200_000,
    until: 1_900_000,
    refused: true,
  },
  "textFilter=started&userFilter=mel&refusalsOnly=true": { text: "started", user: "mel", refused: true },
  "stackFilter=web/prod&startTime=1200&endTime=1900&refusalsOnly=false": { stack: "web/prod", from: 1_200_000, until: 1_900_000 },
} as const;

const expected = (filter: Parameters<typeof matches>[1]) =>
  events.filter((event) => matches(event as unknown as ChainRecord, filter)).map(({ at }) => Math.floor(at / 1000));

describe("a filter", () => {
  it.each(Object.entries({ ...one, ...several }))("%s shows what it names, all of it, newest first", async (query, filter) => {
    const { items } = await allPages<Shown>(`${v2}?${query}&maxResults=7`, "auditLogEvents", world.admin);
    expect(items.map(({ timestamp }) => timestamp)).toEqual(expected(filter).toReversed());
    expect(items.length).toBeGreaterThan(0);
  });

  it.each(Object.keys(one))("%s reads no more than twice what it shows", async (query) => {
    await ok("GET", "/api/user", { token: world.admin });
    const rowsRead = countRowsRead();
    await ok("GET", `${v2}?${query}&maxResults=10`, { token: world.admin });
    // The request reads, besides the page: the caller's token and membership, the head of the chain, and one row of each index for the
    // user.
    expect(rowsRead()).toBeLessThanOrEqual(2 * 10 + 12);
  });

  it("by words and a start finds an event that was written late, and reads no older matches", async () => {
    const since = async (seconds: number) => {
      const { items } = await allPages<Shown>(`${v2}?textFilter=started&startTime=${seconds}`, "auditLogEvents", world.admin);
      return items.map(({ timestamp }) => timestamp).toSorted((a, b) => a - b);
    };
    const late = Math.floor(events[LATE]!.at / 1000);
    expect(await since(late)).toEqual(expected({ text: "started", from: late * 1000 }));
    const rowsRead = countRowsRead();
    expect(await since(2190)).toHaveLength(10);
    // The search reads three rows for each event: its entry in the index of times, its entry in the index of words, and the event itself.
    expect(rowsRead()).toBeLessThanOrEqual(3 * 10 + 12);
    expect(await since(9999)).toEqual([]);
  });

  it("by words between two times reads no matches before and after", async () => {
    const between = (from: number, until: number) =>
      ok<{ auditLogEvents: Shown[] }>("GET", `${v2}?textFilter=started&startTime=${from}&endTime=${until}&maxResults=10`, {
        token: world.admin,
      });
    await between(1500, 1505);
    const rowsRead = countRowsRead();
    const { auditLogEvents } = await between(1500, 1510);
    expect(auditLogEvents.map(({ timestamp }) => timestamp)).toEqual([1509, 1508, 1506, 1505, 1504, 1503, 1502, 1501, 1500]);
    // The search reads the index of times once for each end of the range of rows.
    expect(rowsRead()).toBeLessThanOrEqual(5 * 10 + 16);
    expect((await between(9000, 9999)).auditLogEvents).toEqual([]);
  });

  it("by words and times finds the rows that the times have, in whatever order the events were written and however few rows are looked at", async () => {
    const row = fc.record({ at: fc.integer({ min: 0, max: 9 }), ours: fc.boolean(), word: fc.constantFrom("yes", "no") });
    const time = fc.option(fc.integer({ min: -1, max: 11 }), { nil: undefined });
    const few = { from: time, until: time, most: fc.integer({ min: 1, max: 12 }) };
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 12 }),
        fc.array(fc.record(few), { minLength: 1, maxLength: 12 }),
        async (rows, periods) => {
          const [org, other] = [crypto.randomUUID(), crypto.randomUUID()];
          const insert = env.DB.prepare(
            `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin, req_stack_admin,
             auth_failure, seq, prev_hash, hash)
           SELECT hex(randomblob(16)), iif(value->>'ours', ?2, ?3), value->>'at', 'e', value->>'word', '', '', '', '', '', '', 0, 0, 0, key + 1, '', ''
           FROM json_each(?1) ORDER BY key`,
          );
          const found = periods.map(({ from, until, most }) => {
            const { sql, params } = new SQLiteAsyncDialect().sqlToQuery(
              drizzle`SELECT audit_text.rowid AS number FROM audit_text JOIN audit_events ON audit_events.rowid = audit_text.rowid
              WHERE audit_text MATCH ${matchText(org, "yes")} AND ${amongRowsOf(org, { from, until }, most) ?? drizzle`1`}
                AND at >= ${from ?? -9} AND at < ${until ?? 99} ORDER BY audit_text.rowid DESC`,
            );
            return env.DB.prepare(sql).bind(...params);
          });
          const all = env.DB.prepare("SELECT rowid AS number, at, description FROM audit_events WHERE org_id = ? ORDER BY rowid DESC").bind(
            org,
          );
          const [, ours, ...answers] = await env.DB.batch<{ number: number; at: number; description: string }>([
            insert.bind(JSON.stringify(rows), org, other),
            all,
            ...found,
          ]);
          for (const [i, { from, until }] of periods.entries())
            expect(answers[i]!.results.map(({ number }) => number)).toEqual(
              ours!.results
                .filter(({ at, description }) => description === "yes" && at >= (from ?? -9) && at < (until ?? 99))
                .map(({ number }) => number),
            );
          await env.DB.prepare("DELETE FROM audit_events WHERE org_id IN (?, ?)").bind(org, other).run();
        },
      ),
      { numRuns: 30 * inject("sizes").runs, seed: inject("seed") },
    );
  });

  it("is cut into words where the index cuts them, whatever the letter", async () => {
    const letters: string[] = [];
    for (let code = 0; code < 0x110000; code++) {
      const letter = String.fromCodePoint(code);
      if (/[\p{L}\p{N}\p{Co}]/u.test(letter)) letters.push(`a${letter}b`);
    }
    const search = env.DB.prepare("SELECT 1 FROM audit_text WHERE audit_text MATCH ?");
    const searches: D1PreparedStatement[] = [];
    // A search for more letters would exceed the depth of an expression.
    for (let at = 0; at < letters.length; at += 200) searches.push(search.bind(matchText("o", letters.slice(at, at + 200).join(" "))));
    for (let at = 0; at < searches.length; at += 50) await env.DB.batch(searches.slice(at, at + 50));
    await ok("GET", `${v2}?textFilter=a%E1%A7%81b`, { token: world.admin });
  });

  it.each(["refusalsOnly=yes", `textFilter=${"x".repeat(501)}`, "format=csv", "maxResults=1001", "continuationToken=WzFd"])(
    "cannot be %s",
    async (query) => {
      await refused(400, "GET", `${v2}?${query}`, { token: world.admin });
    },
  );

  it.each([
    'textFilter="',
    "textFilter=*",
    "textFilter=a OR b",
    "textFilter=words:x NEAR/2",
    "textFilter=%27%22(%29",
    "textFilter=%F4%80%80%80",
    "stackFilter=%00",
    "tokenFilter=%25",
  ])("takes %s as it is", async (query) => {
    await ok("GET", `${v2}?${query}`, { token: world.admin });
  });

  it("finds words of this organization only", async () => {
    const theirs = await allPages<Shown>("/api/orgs/globex/auditlogs/v2?textFilter=started", "auditLogEvents", world.stranger);
    expect(theirs.items).toEqual([]);
  });

  // This is the last test, because it writes.
  it("finds a token by the name that it has or had", async () => {
    const { id } = await newOrgToken(world, "jenkins");
    await env.DB.prepare("UPDATE audit_events SET token_id = ? WHERE seq = 100").bind(id).run();
    const { items } = await allPages<Shown>(`${v2}?tokenFilter=Jenkins`, "auditLogEvents", world.admin);
    expect(items).toHaveLength(1);
  });
});

it("lists the kinds of events, and says which filters work", async () => {
  const { eventTypes } = await ok<{ eventTypes: { event: string; displayName: string; authenticationFailure: boolean }[] }>(
    "GET",
    "/api/orgs/acme/auditlogs/event-types",
    { token: world.admin },
  );
  expect(eventTypes).toContainEqual({
    event: "stack-deleted",
    displayName: "Stack Deleted",
    description: "A stack was deleted.",
    requiresOrgAdmin: false,
    requiresStackAdmin: true,
    authenticationFailure: false,
  });
  for (const { event } of eventTypes) expect(event).toMatch(/^[a-z]+(-[a-z]+)+$/);
  expect(await ok("GET", "/api/orgs/acme/auditlogs/reader-kind", { token: world.admin })).toBe("MySQL");
});

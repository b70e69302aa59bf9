import { createMessageBatch, createScheduledController, createExecutionContext, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { chainOlderRows } from "../../src/audit/append.ts";
import { type ChainRecord, chainFaultOf, genesis, recordOf } from "../../src/audit/chain.ts";
import { consumeAudit } from "../../src/audit/consume.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { DEAD_LETTERS } from "../../src/audit/deadLetters.ts";
import { REPLAY_REQUEST, replayDeadLetters } from "../../src/audit/replay.ts";
import { auditEvents } from "../../src/audit/table.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { settledLog } from "../support/audit.ts";
import { breakDatabase, loseDatabaseAnswers } from "../support/faults.ts";
import { objectKeys } from "../support/stored.ts";
import { newOrgToken, newWorld } from "../support/world.ts";

const bindings = env as Bindings;

const event = (id: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id,
  orgId: "acme-id",
  at: 1000,
  event: "stack-created",
  description: "Created.",
  sourceIp: "203.0.113.9",
  userLogin: "mel",
  userName: "mel",
  tokenId: "t",
  tokenName: "",
  stack: "web/dev",
  openedWith: "",
  reqOrgAdmin: false,
  reqStackAdmin: true,
  authFailure: false,
  ...more,
});

async function deliver(events: AuditEvent[]) {
  const messages = events.map((body, i) => ({ id: `m-${i}`, timestamp: new Date(), attempts: 1, body: JSON.stringify(body) }));
  const batch = createMessageBatch("stackpass-audit", messages);
  await consumeAudit(bindings, batch);
  return getQueueResult(batch, createExecutionContext());
}

/** The organization's stored chain, which must be valid and end with the head. */
async function chain(orgId = "acme-id"): Promise<ChainRecord[]> {
  const rows = (await openStore(env).db.select().from(auditEvents).orderBy(auditEvents.seq)).filter((row) => row.orgId === orgId);
  const records = rows.map(recordOf);
  for (const [i, record] of records.entries()) expect(chainFaultOf(record, records[i - 1] ?? genesis)).toBeUndefined();
  const head = await env.DB.prepare("SELECT seq, hash FROM audit_heads WHERE org_id = ?").bind(orgId).first();
  expect(head).toEqual(records.length === 0 ? null : { seq: records.at(-1)!.seq, hash: records.at(-1)!.hash });
  return records;
}

it("chains each organization's events by itself", async () => {
  await deliver([event("a"), event("b", { orgId: "globex-id" }), event("c", { at: 999 })]);
  await deliver([event("d", { at: 1 }), event("a"), event("d", { at: 1 })]);
  // Events of one delivery are in the order of their time; an event of a later delivery comes after them.
  expect((await chain()).map(({ seq, id }) => [seq, id])).toEqual([
    [1, "c"],
    [2, "a"],
    [3, "d"],
  ]);
  expect((await chain("globex-id")).map(({ id }) => id)).toEqual(["b"]);
});

it("keeps one chain when several consumers write at once, and writes each event once", async () => {
  const events = Array.from({ length: 40 }, (_, i) => event(`e-${String(i).padStart(2, "0")}`, { at: i }));
  const parts = Array.from({ length: 8 }, (_, i) => events.slice(i * 4, i * 4 + 12));
  for (const { retryMessages } of await Promise.all(parts.map(deliver))) expect(retryMessages).toEqual([]);
  expect((await chain()).map(({ id }) => String(id)).sort()).toEqual(events.map(({ id }) => id));
});

it("writes events of the release before, which name no token that opened a session, and of a later one, which name more", async () => {
  const { openedWith: _, ...old } = event("old");
  await deliver([old as AuditEvent, { ...event("new", { openedWith: "p-1" }), later: true } as AuditEvent]);
  const [new_, old_] = await chain();
  expect(new_).toMatchObject({ id: "new", openedWith: "p-1" });
  expect(old_).not.toHaveProperty("openedWith");
});

it("survives an answer that was lost after the write", async () => {
  const repair = loseDatabaseAnswers();
  expect((await deliver([event("a"), event("b")])).retryMessages).toHaveLength(2);
  repair();
  await deliver([event("a"), event("b"), event("c")]);
  expect((await chain()).map(({ id }) => id)).toEqual(["a", "b", "c"]);
});

it("stores whatever text an event has so that its hash stays right", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }), { minLength: 1, maxLength: 20 }),
      async (texts) => {
        await deliver(texts.map((description) => event(crypto.randomUUID(), { description, userName: description, stack: description })));
        await chain();
      },
    ),
    { numRuns: 20 * inject("sizes").runs },
  );
  await deliver([event("nul", { description: "a\0b" }), event("lone", { description: "\ud800" })]);
  expect((await chain()).map(({ description }) => description)).toEqual(expect.arrayContaining(["a\uFFFDb", "\uFFFD"]));
});

it("takes events that are too many for one parameter", async () => {
  const long = "x".repeat(60_000);
  await deliver(Array.from({ length: 40 }, (_, i) => event(`e-${i}`, { description: long })));
  expect(await chain()).toHaveLength(40);
});

it("adds the rows that are older than the chain to its end, in order", async () => {
  await deliver([event("new")]);
  const old = env.DB.prepare(
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
      req_org_admin, req_stack_admin, auth_failure) SELECT value, ?, 100 - key, 'x', '', '', '', '', '', '', '', 1, 0, 0 FROM json_each(?)`,
  );
  await env.DB.batch([old.bind("acme-id", '["o-1","o-2","o-3"]'), old.bind("globex-id", '["g-1"]')]);
  await deliver([event("o-2")]);
  let moved = 0;
  for (let n = -1; n !== 0; moved += n) n = await chainOlderRows(bindings, 2);
  expect(moved).toBe(4);
  expect((await chain()).map(({ id }) => id)).toEqual(["new", "o-3", "o-2", "o-1"]);
  expect((await chain("globex-id")).map(({ id }) => id)).toEqual(["g-1"]);
});

it("replays dead letters when an operator asks for it, and keeps those that cannot be read", async () => {
  const world = await newWorld();
  await newOrgToken(world, "ci");
  await settledLog();
  await env.STATE.put(`${DEAD_LETTERS}2026-01-01/a.json`, "poison");
  await env.STATE.put(`${DEAD_LETTERS}2026-01-01/b.json`, JSON.stringify(event("late", { orgId: (await settledLog())[0]!.orgId })));
  const cron = () => worker.scheduled(createScheduledController(), bindings);
  const letters = async () => (await objectKeys()).filter((key) => key.startsWith(DEAD_LETTERS));
  await cron();
  expect(await letters()).toHaveLength(2);
  await env.STATE.put(REPLAY_REQUEST, "");
  await cron();
  // The cron itself writes the event: no queue can lose it between the dead letter and the log.
  expect(await env.DB.prepare("SELECT id FROM audit_events WHERE id = 'late'").first("id")).toBe("late");
  expect(await letters()).toEqual([`${DEAD_LETTERS}2026-01-01/a.json`]);
  expect(await objectKeys()).not.toContain(REPLAY_REQUEST);
});

it("replays all dead letters over many runs, whatever stands before them", async () => {
  const put = (name: string, text: string) => env.STATE.put(`${DEAD_LETTERS}2026-01-01/${name}.json`, text);
  await Promise.all(Array.from({ length: 510 }, (_, i) => put(`a-${String(i).padStart(3, "0")}`, "poison")));
  await Promise.all([1, 2, 3].map((i) => put(`b-${i}`, JSON.stringify(event(`late-${i}`)))));
  await env.STATE.put(REPLAY_REQUEST, "");
  expect(await replayDeadLetters(bindings)).toBe(0);
  // A run that fails is repeated.
  const repair = breakDatabase();
  await expect(replayDeadLetters(bindings)).rejects.toThrow();
  repair();
  expect(await replayDeadLetters(bindings)).toBe(3);
  expect((await chain()).map(({ id }) => id)).toEqual(["late-1", "late-2", "late-3"]);
  expect(await env.STATE.head(REPLAY_REQUEST)).toBeNull();
  expect(await replayDeadLetters(bindings)).toBe(0);
});

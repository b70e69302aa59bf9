import { createExecutionContext, createMessageBatch, createScheduledController, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { DEAD_LETTERS } from "../../src/audit/deadLetters.ts";
import { auditStatement, forgetPromises } from "../../src/audit/record.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { settledLog } from "../support/audit.ts";
import { eventually } from "../support/clock.ts";
import { batchesNotTaken, breakDatabase, breakObjectWrites, breakQueue, loseDatabaseAnswers } from "../support/faults.ts";
import { objectKeys } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const bindings = env as Bindings;
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const outbox = async () =>
  (await env.DB.prepare("SELECT id FROM audit_outbox ORDER BY seq").all<{ id: string }>()).results.map(({ id }) => id);
/** The records of `event`. A late event of an earlier test belongs to another organization. */
const logged = async () =>
  (await env.DB.prepare("SELECT id FROM audit_events WHERE org_id = 'acme-id' ORDER BY id").all<{ id: string }>()).results.map(
    ({ id }) => id,
  );
const letters = async () => (await objectKeys()).filter((key) => key.startsWith(DEAD_LETTERS));

const event = (id: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id,
  orgId: "acme-id",
  at: START,
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
async function promised(...events: AuditEvent[]): Promise<void> {
  const store = openStore(env);
  for (const one of events) await store.db.batch([auditStatement(store, one)]);
}
const messagesOf = (bodies: string[], queue = "stackpass-audit") =>
  createMessageBatch(
    queue,
    bodies.map((body, i) => ({ id: `m-${i}`, timestamp: new Date(START), attempts: 1, body })),
  );
async function deliver(bodies: (string | AuditEvent)[], queue?: string) {
  const batch = messagesOf(
    bodies.map((body) => (typeof body === "string" ? body : JSON.stringify(body))),
    queue,
  );
  await worker.queue(batch, bindings);
  return getQueueResult(batch, createExecutionContext());
}
/**
 * A queue that takes everything and delivers nothing, as if it had lost all its messages. @returns what it took, by the ids of the events
 */
function forgetfulQueue(): string[] {
  const taken: string[] = [];
  const spy = vi.spyOn(env.AUDIT, "sendBatch").mockImplementation(async (messages) => {
    for (const { body } of messages) taken.push((JSON.parse(String(body)) as AuditEvent).id);
    return undefined as never;
  });
  onTestFinished(() => spy.mockRestore());
  return taken;
}
/** Until the trigger is dropped, only this event cannot be written. */
const refuse = (id: string) =>
  env.DB.prepare(`CREATE TRIGGER refused BEFORE INSERT ON audit_events WHEN new.id = '${id}' BEGIN SELECT RAISE(ABORT, 'no'); END`).run();

describe("a promise", () => {
  it("survives a queue that accepted its event and lost it", async () => {
    const taken = forgetfulQueue();
    await newOrgToken(world, "ci");
    await eventually(async () => expect(taken).toHaveLength(1));
    expect(await outbox()).toEqual(taken);
    vi.restoreAllMocks();
    await worker.scheduled(createScheduledController({ scheduledTime: Date.now() }), bindings);
    expect(await outbox(), "not yet: the queue may still have it").toEqual(taken);
    await worker.scheduled(createScheduledController({ scheduledTime: Date.now() + MINUTE + 1000 }), bindings);
    expect((await settledLog()).map(({ id }) => id)).toEqual(taken);
    expect(await outbox()).toEqual([]);
  });

  it("is deleted in the transaction that writes its event into the log, and in no other", async () => {
    await promised(event("a"), event("b"));
    await refuse("b");
    await deliver([event("a"), event("b")]);
    expect([await outbox(), await logged()]).toEqual([["b"], ["a"]]);
    await env.DB.prepare("DROP TRIGGER refused").run();
    const repair = breakDatabase();
    await deliver([event("b")]);
    repair();
    expect([await outbox(), await logged()]).toEqual([["b"], ["a"]]);
    const recover = loseDatabaseAnswers(1);
    expect((await deliver([event("b")])).retryMessages).toHaveLength(1);
    recover();
    expect([await outbox(), await logged()]).toEqual([[], ["a", "b"]]);
  });

  it("of an event that is in the log already is deleted too, when the event arrives again", async () => {
    await deliver([event("a")]);
    await promised(event("a"), event("b"));
    await deliver([event("a"), event("b")]);
    await promised(event("b"));
    await deliver([event("b")]);
    expect([await outbox(), await logged()]).toEqual([[], ["a", "b"]]);
  });

  it("costs the consumer no round trip more, and each look-up is one in an index", async () => {
    const printed: string[] = [];
    const spy = vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
    const events = Array.from({ length: 100 }, (_, i) => event(`e-${i}`));
    await promised(...events);
    await deliver(events);
    spy.mockRestore();
    expect(printed.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ message: "queue", messages: 100, roundTrips: expect.objectContaining({ d1: 2 }) as object }),
    );
    expect(await outbox()).toEqual([]);
    const store = openStore(env);
    const { sql, params } = forgetPromises(store, events).toSQL();
    const plan = async (statement: string, ...values: unknown[]) =>
      (
        await env.DB.prepare(`EXPLAIN QUERY PLAN ${statement}`)
          .bind(...values)
          .all<{ detail: string }>()
      ).results.map(({ detail }) => detail);
    expect(await plan(sql, ...params)).toContain("SEARCH audit_outbox USING COVERING INDEX audit_outbox_id (id=?)");
    expect(await plan("SELECT seq FROM audit_outbox WHERE relay_at <= ? ORDER BY relay_at LIMIT 100", START)).toEqual([
      "SEARCH audit_outbox USING COVERING INDEX audit_outbox_relay (relay_at<?)",
    ]);
  });
});

describe("the cron", () => {
  it("relays all events that were left over, once", async () => {
    const repair = breakQueue();
    for (let i = 0; i < 3; i++) await newOrgToken(world, `ci-${i}`);
    // Each event was sent, and the queue did not take it.
    await eventually(async () => expect(batchesNotTaken()).toBe(3));
    repair();
    // These are more events than the queue takes in one call.
    await env.DB.prepare(
      `INSERT INTO audit_outbox (id, body, created_at)
       SELECT 'copy-' || key, json_set(body, '$.id', 'copy-' || key), created_at FROM json_each(?), (SELECT body, created_at FROM audit_outbox LIMIT 1)`,
    )
      .bind(JSON.stringify(Array.from({ length: 320 }, () => 0)))
      .run();
    expect(await relayLeftovers(bindings, Date.now() + MINUTE)).toBe(323);
    expect(await settledLog()).toHaveLength(323);
    expect(await outbox()).toEqual([]);
    expect(await relayLeftovers(bindings, Date.now() + MINUTE)).toBe(0);
    expect(await settledLog()).toHaveLength(323);
  });

  it("leaves alone what a request is about to send by itself", async () => {
    const taken = forgetfulQueue();
    await promised(event("a"));
    expect(await relayLeftovers(bindings, START + MINUTE - 1)).toBe(0);
    expect(await relayLeftovers(bindings, START + MINUTE)).toBe(1);
    expect(taken).toEqual(["a"]);
  });

  it("keeps everything while the queue takes nothing, and sends it when it does", async () => {
    await promised(event("a"), event("b"));
    const repair = breakQueue();
    for (const minutes of [1, 2, 3]) await expect(relayLeftovers(bindings, START + minutes * MINUTE)).rejects.toThrow();
    repair();
    expect(await relayLeftovers(bindings, START + 4 * MINUTE)).toBe(2);
    await eventually(async () => expect(await logged()).toEqual(["a", "b"]));
  });

  it("does not flood a consumer that is slow: the time between two messages of an event doubles, up to an hour", async () => {
    const taken = forgetfulQueue();
    await promised(event("a"));
    const sentAt: number[] = [];
    for (let minute = 1; minute <= 300; minute++) if ((await relayLeftovers(bindings, START + minute * MINUTE)) > 0) sentAt.push(minute);
    expect(sentAt).toEqual([1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    expect(taken).toHaveLength(sentAt.length);
  });

  it("sends no more than 5,000 in a run, the oldest first, and new ones though old ones are never written", async () => {
    const taken = forgetfulQueue();
    const insert = (name: string, count: number, at: number) =>
      env.DB.prepare(
        `INSERT INTO audit_outbox (id, body, created_at, relay_at) SELECT ?2 || key, json_set(?3, '$.id', ?2 || key), ?4, ?4 + 60000 FROM json_each(?1)`,
      )
        .bind(JSON.stringify(Array.from({ length: count }, () => 0)), name, JSON.stringify(event("x")), at)
        .run();
    await insert("new-", 100, START + 1000);
    await insert("old-", 5000, START);
    expect(await relayLeftovers(bindings, START + 2 * MINUTE)).toBe(5000);
    expect(new Set(taken.splice(0).map((id) => id.slice(0, 4)))).toEqual(new Set(["old-"]));
    expect(await relayLeftovers(bindings, START + 3 * MINUTE)).toBe(100);
    expect(new Set(taken.splice(0).map((id) => id.slice(0, 4)))).toEqual(new Set(["new-"]));
  });

  it("makes a dead letter of a row that is not an event, and sends the other rows", async () => {
    const bodies = { a: "not json", b: "{}", c: JSON.stringify({ ...event("c"), at: "yesterday" }), d: JSON.stringify(event("d")) };
    for (const [id, body] of Object.entries(bodies))
      await env.DB.prepare("INSERT INTO audit_outbox (id, body, created_at) VALUES (?, ?, ?)").bind(id, body, START).run();
    const repair = breakObjectWrites();
    const taken = forgetfulQueue();
    await relayLeftovers(bindings, START + MINUTE);
    expect([await outbox(), taken]).toEqual([["a", "b", "c", "d"], ["d"]]);
    repair();
    await relayLeftovers(bindings, START + 3 * MINUTE);
    expect(await outbox()).toEqual(["d"]);
    expect(await letters()).toEqual(["a", "b", "c"].map((id) => `${DEAD_LETTERS}2026-01-01/${id}.json`));
    expect(await (await env.STATE.get(`${DEAD_LETTERS}2026-01-01/a.json`))!.text()).toBe("not json");
  });

  it("writes an event that no message can hold, and sends its neighbours", async () => {
    const taken = forgetfulQueue();
    await promised(event("a"), event("large", { description: "é".repeat(70_000) }), event("b"));
    await relayLeftovers(bindings, START + MINUTE);
    expect([taken, await outbox(), await logged()]).toEqual([["a", "b"], ["a", "b"], ["large"]]);
  });
});

describe("an event that cannot be written", () => {
  it("stops no other event of its batch, and is retried alone", async () => {
    const events = Array.from({ length: 100 }, (_, i) => event(`e-${String(i).padStart(3, "0")}`));
    await promised(...events);
    await refuse("e-042");
    const { explicitAcks, retryMessages } = await deliver(events);
    expect(explicitAcks).toHaveLength(99);
    expect(retryMessages.map(({ msgId }) => msgId)).toEqual(["m-42"]);
    expect(await outbox()).toEqual(["e-042"]);
  });

  it.each<[why: string, fault: () => Promise<unknown>]>([
    ["a chain that does not end where its head says", () => env.DB.prepare("DELETE FROM audit_heads WHERE org_id = 'acme-id'").run()],
    [
      "an archive that is gone",
      () =>
        env.DB.prepare("INSERT INTO audit_archives VALUES ('acme-id', 1, 1, ?, ?, 'audit/archive/gone')")
          .bind(START - 1, START + 1)
          .run(),
    ],
  ])("for %s stops no other organization's", async (_, fault) => {
    await deliver([event("first")]);
    await fault();
    const { explicitAcks, retryMessages } = await deliver([event("a"), event("b", { orgId: "globex-id" }), event("c")]);
    expect(explicitAcks).toEqual(["m-1"]);
    expect(retryMessages.map(({ msgId }) => msgId)).toEqual(["m-0", "m-2"]);
  });

  it("keeps its outbox row until its dead letter is in R2, and makes one dead letter however many copies of it fail", async () => {
    await promised(event("a"));
    const dead = "stackpass-audit-dead";
    const repairObjects = breakObjectWrites();
    expect((await deliver([event("a")], dead)).explicitAcks).toEqual([]);
    repairObjects();
    expect(await outbox()).toEqual(["a"]);
    const repairDatabase = breakDatabase();
    expect((await deliver([event("a")], dead)).explicitAcks).toEqual([]);
    repairDatabase();
    expect([await outbox(), await letters()]).toEqual([["a"], [`${DEAD_LETTERS}2026-01-01/a.json`]]);
    expect((await deliver([event("a"), event("a"), "poison"], dead)).explicitAcks).toEqual(["m-0", "m-1", "m-2"]);
    expect([await outbox(), await letters()]).toEqual([[], [`${DEAD_LETTERS}2026-01-01/a.json`, `${DEAD_LETTERS}2026-01-01/m-2.json`]]);
  });
});

it.each(["stackpass-audit-staging", "their-audit"])(
  "a deployment whose queue is called %s has its log, and its dead letters",
  async (queue) => {
    await deliver([event("a")], queue);
    await deliver([event("b")], `${queue}-dead`);
    expect([await logged(), await letters()]).toEqual([["a"], [`${DEAD_LETTERS}2026-01-01/b.json`]]);
  },
);

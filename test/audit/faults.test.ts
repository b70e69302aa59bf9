import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, inject, it, vi } from "vitest";
import { type ChainRecord, chainFaultOf, genesis, recordOf } from "../../src/audit/chain.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import { REPLAY_REQUEST, replayDeadLetters } from "../../src/audit/replay.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";

const { auditEvents: COUNT } = inject("sizes");
const ORGS = ["org-a", "org-b", "org-c"];
const MAX_ATTEMPTS = 2;
const bindings = env as Bindings;

/** The same faults in each run: mulberry32. */
let state = 1;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const chance = (p: number) => random() < p;

interface Letter {
  id: string;
  timestamp: Date;
  body: string;
  attempts: number;
}
const tally = {
  sends: 0,
  failedSends: 0,
  doubled: 0,
  lostByQueue: 0,
  lostAnswers: 0,
  failedWrites: 0,
  crashes: 0,
  deadLetters: 0,
  failedPuts: 0,
};
let queued: Letter[] = [];
let dead: Letter[] = [];
let letters = 0;

/** A queue that delivers in any order and often twice. It takes most of the messages that it is given, and loses some of them. */
function enqueue(bodies: string[]): void {
  tally.sends++;
  const fails = chance(0.1);
  if (fails && chance(0.5)) {
    tally.failedSends++;
    throw new Error("Queue sendBatch failed: 500");
  }
  for (const body of bodies) {
    const copies = chance(0.05) ? 2 : chance(0.05) ? 0 : 1;
    if (copies === 2) tally.doubled++;
    if (copies === 0) tally.lostByQueue++;
    for (let i = 0; i < copies; i++) queued.push({ id: `m-${letters++}`, timestamp: new Date(), body, attempts: 1 });
  }
  // The queue has taken the message, but the sender does not learn it.
  if (fails) throw new Error("Queue sendBatch failed: connection lost");
}

/** A D1 that sometimes does nothing, and sometimes does everything but loses the answer. */
function failingDatabase(): void {
  const open = env.DB.withSession.bind(env.DB);
  vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      if (chance(0.03)) {
        tally.failedWrites++;
        throw new Error("D1_ERROR: network connection lost");
      }
      const results = await session.batch(statements);
      if (chance(0.03)) {
        tally.lostAnswers++;
        throw new Error("D1_ERROR: network connection lost");
      }
      return results;
    };
    return { prepare: (query: string) => session.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
}

/**
 * One delivery of messages from near the front of the queue. Messages that are not acknowledged are delivered again, or become dead
 * letters.
 */
async function deliver(): Promise<void> {
  queued = queued.concat(queued.splice(0, Math.floor(random() * Math.min(queued.length, 30))));
  const taken = queued.splice(0, 100).sort(() => random() - 0.5);
  if (taken.length === 0) return;
  const batch = createMessageBatch("stackpass-audit", taken);
  await worker.queue(batch, bindings);
  // The consumer crashed after its work, so nobody receives the acknowledgements.
  const crashed = chance(0.05);
  if (crashed) tally.crashes++;
  const acked = crashed ? new Set<string>() : new Set((await getQueueResult(batch, createExecutionContext())).explicitAcks);
  for (const letter of taken) {
    if (acked.has(letter.id)) continue;
    (letter.attempts < MAX_ATTEMPTS ? queued : dead).push({ ...letter, attempts: letter.attempts + 1 });
  }
}

async function bury(): Promise<void> {
  const taken = dead.splice(0, 100);
  if (taken.length === 0) return;
  const batch = createMessageBatch("stackpass-audit-dead", taken);
  await worker.queue(batch, bindings);
  const { explicitAcks } = await getQueueResult(batch, createExecutionContext());
  tally.deadLetters += explicitAcks.length;
  const kept = new Set(explicitAcks);
  dead.push(...taken.filter(({ id }) => !kept.has(id)));
}

let now = Date.now() + 3_600_000;
/**
 * The next run of the cron repeats whatever fails. Runs are some minutes apart, so that messages that the queue has are not sent again at
 * once.
 */
async function cron(): Promise<void> {
  now += 5 * 60_000;
  for (const job of [() => relayLeftovers(bindings, now), () => replayDeadLetters(bindings)]) await job().catch(() => undefined);
}

const waiting = () => env.DB.prepare("SELECT count(*) AS n FROM audit_outbox").first<number>("n");

afterEach(() => vi.restoreAllMocks());

it(
  `loses none of ${COUNT} events and writes none twice, whatever fails on their way`,
  async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    for (let from = 0; from < COUNT; from += 2000) {
      const events = Array.from({ length: Math.min(2000, COUNT - from) }, (_, i) => ({
        id: `e-${from + i}`,
        orgId: ORGS[(from + i) % ORGS.length],
        at: Date.now() - Math.floor(random() * 1_000_000),
        event: "stack-update-started",
        description: `Started update ${from + i}.`,
        sourceIp: "203.0.113.9",
        userLogin: "acme",
        userName: "acme",
        tokenId: "t",
        tokenName: "ci",
        stack: "web/dev",
        reqOrgAdmin: false,
        reqStackAdmin: false,
        authFailure: false,
      }));
      await env.DB.prepare("INSERT INTO audit_outbox (id, body, created_at) SELECT value->>'id', value, value->>'at' FROM json_each(?)")
        .bind(JSON.stringify(events))
        .run();
    }

    vi.spyOn(env.AUDIT, "sendBatch").mockImplementation(async (messages) => {
      enqueue([...messages].map(({ body }) => String(body)));
      return undefined as never;
    });
    vi.spyOn(env.AUDIT, "send").mockImplementation(async (body) => {
      enqueue([String(body)]);
      return undefined as never;
    });
    const put = env.STATE.put.bind(env.STATE);
    vi.spyOn(env.STATE, "put").mockImplementation((async (...args: Parameters<typeof put>) => {
      if (!chance(0.1)) return put(...args);
      tally.failedPuts++;
      throw new Error("put: Unspecified error (0)");
    }) as typeof env.STATE.put);
    failingDatabase();

    while ((await waiting()) || queued.length > 0 || dead.length > 0) {
      await cron();
      // Two consumers run at once here, although production has one.
      for (let round = 0; round < 12; round++) await Promise.all(chance(0.3) ? [deliver(), deliver()] : [deliver()]);
      await bury();
    }
    // The operator's command is repeated until nothing is left.
    for (let left = 1; left > 0 || queued.length > 0 || dead.length > 0;) {
      await put(REPLAY_REQUEST, "");
      await cron();
      await deliver();
      await bury();
      left = (await env.STATE.list({ prefix: "audit/dead-letters/" })).objects.length;
    }
    vi.restoreAllMocks();

    let total = 0;
    for (const orgId of ORGS) {
      let before: ChainRecord | undefined;
      const ids = new Set<unknown>();
      for (let seq = 0; ; seq += 2000) {
        const rows = await env.DB.prepare(
          `SELECT id, org_id AS orgId, at, event, description, source_ip AS sourceIp, user_login AS userLogin, user_name AS userName, token_id AS tokenId,
            token_name AS tokenName, stack, opened_with AS openedWith, seq, prev_hash AS prevHash, hash FROM audit_events WHERE org_id = ? AND seq > ? ORDER BY seq LIMIT 2000`,
        )
          .bind(orgId, seq)
          .all<ChainRecord>();
        for (const record of rows.results.map(recordOf)) {
          expect(chainFaultOf(record, before ?? genesis)).toBeUndefined();
          before = record;
          ids.add(record["id"]);
        }
        if (rows.results.length < 2000) break;
      }
      expect(ids.size).toBe(before?.seq);
      expect(await env.DB.prepare("SELECT hash FROM audit_heads WHERE org_id = ?").bind(orgId).first("hash")).toBe(before?.hash);
      total += ids.size;
    }
    expect(total).toBe(COUNT);
    // A short run need not contain every fault.
    const { sends, doubled, failedWrites, lostAnswers } = tally;
    const met = COUNT < 100_000 ? { sends, doubled, writes: failedWrites + lostAnswers } : tally;
    for (const [what, times] of Object.entries(met)) expect(times, what).toBeGreaterThan(0);
    console.log(`${COUNT} events, 0 lost, 0 doubled, ${ORGS.length} chains good: ${JSON.stringify(tally)}`);
  },
  30 * 60_000,
);

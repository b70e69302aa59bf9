import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, inject, it, vi } from "vitest";
import { objectLines } from "../../scripts/objectLines.ts";
import { publicKeys, signCheckpoints } from "../../src/audit/checkpoint.ts";
import { examine } from "../../src/audit/examine.ts";
import { parseCheckpoint } from "../../src/audit/sign.ts";
import { wakeLagging } from "../../src/streams/wakeLagging.ts";
import { settledLog } from "../support/audit.ts";
import { newWorld } from "../support/world.ts";
import {
  type Kind,
  type Mood,
  Receiver,
  addRecords,
  alarm,
  bindings,
  chain,
  destinations,
  gunzip,
  newStream,
  orgId,
  reachable,
} from "./support/receiver.ts";

const { auditEvents: COUNT } = inject("sizes");

/** The same faults in each run: mulberry32. */
let state = 7;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const chance = (p: number) => random() < p;

const met: Record<string, number> = { refused: 0, lost: 0, hung: 0, doubled: 0, failed: 0, busy: 0, forgotten: 0, writes: 0 };
const note = (fault: string) => void met[fault]!++;

/** A destination that fails in every way: before or after it takes a batch, and with or without an answer. */
const moody: Mood = async (take, signal) => {
  if (chance(0.1)) {
    note("refused");
    throw new TypeError("Network connection lost.");
  }
  if (chance(0.05)) {
    note("failed");
    return new Response("<html>", { status: 500 });
  }
  if (chance(0.05)) {
    note("busy");
    return new Response("", { status: 429, headers: { "Retry-After": "120" } });
  }
  if (chance(0.04)) {
    note("hung");
    // A destination that never answers may have taken the batch.
    if (chance(0.5)) await take();
    await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
    throw new DOMException("The operation was aborted", "AbortError");
  }
  const answer = await take();
  if (chance(0.05)) {
    note("doubled");
    await take();
  }
  if (chance(0.1)) {
    note("lost");
    throw new TypeError("Network connection lost.");
  }
  return answer;
};

/** Shortens the 30 seconds that a destination has for its answer. */
function impatient(): void {
  const real = globalThis.setTimeout;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((work: () => void, ms?: number) => real(work, ms === 30_000 ? 10 : ms)) as never);
}

/** A D1 that sometimes does nothing, and sometimes does everything but loses the answer. */
function failingDatabase(): void {
  const session = env.DB.withSession.bind(env.DB);
  vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const opened = session(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      if (chance(0.02)) throw new Error("D1_ERROR: network connection lost");
      const results = await opened.batch(statements);
      if (chance(0.02)) {
        note("writes");
        throw new Error("D1_ERROR: network connection lost");
      }
      return results;
    };
    return { prepare: (query: string) => opened.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
}

const lag = () =>
  env.DB.prepare(
    `SELECT coalesce(max(audit_heads.seq - delivered_through + (audit_streams.destination->>'kind' = 's3' AND audit_heads.checkpoint_day > audit_streams.checkpoint_day)), 0) AS n
     FROM audit_streams JOIN audit_heads ON audit_heads.org_id = audit_streams.org_id`,
  ).first<number>("n");

it(
  `delivers each of ${COUNT} records to every destination in order, whatever fails on the way`,
  async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const world = await newWorld();
    const streams = await Promise.all(
      (Object.keys(destinations) as Kind[]).map(async (kind, i) => {
        const receiver = new Receiver(9001 + i);
        const { id, secret } = await newStream(world, kind, receiver);
        return { kind, receiver: Object.assign(receiver, { secret, mood: moody }), id };
      }),
    );
    reachable(...streams.map(({ receiver }) => receiver));
    await settledLog();
    failingDatabase();
    impatient();

    let written = 0;
    for (let round = 0; ; round++) {
      // New records arrive between the attempts of a batch.
      const more = Math.min(COUNT - written, 1 + Math.floor(random() * (COUNT < 100_000 ? 150 : 1800)));
      try {
        if (more > 0) await addRecords(more);
        written += more;
      } catch {
        // The database failed. The next round writes other records.
      }
      await signCheckpoints(bindings, Date.UTC(2026, 5, 1) + round * 86_400_000).catch(() => undefined);
      await wakeLagging(bindings, Date.now() + 3_600_001).catch(() => undefined);
      for (const { id } of streams) {
        // Ends the waits after failures.
        await env.DB.prepare("UPDATE audit_streams SET retry_at = 0, failing_since = NULL WHERE id = ?").bind(id).run();
        if (chance(0.05)) {
          note("forgotten");
          await runInDurableObject(bindings.STREAMS.get(bindings.STREAMS.idFromName(id)), (_, { storage }) => storage.deleteAll());
        }
        await alarm(id);
      }
      if (written >= COUNT && (await lag()) === 0) break;
    }
    vi.restoreAllMocks();

    const records = await chain();
    expect(records.length).toBeGreaterThanOrEqual(COUNT);
    for (const { kind, receiver } of streams) {
      const seen = new Set<number>();
      const first = receiver.taken.filter(({ seq }) => !seen.has(seq) && seen.add(seq));
      expect(first.length, kind).toBe(records.length);
      // After the removal of repetitions, the records are in order, and none is altered.
      for (const [i, record] of first.entries()) if (record.hash !== records[i]!.hash) expect(record, kind).toEqual(records[i]);
    }

    const { objects } = streams.find(({ kind }) => kind === "s3")!.receiver;
    const files = [...objects].map(([path, bytes]) => ({ path, text: () => gunzip(bytes) }));
    const signed = [...objects].filter(([path]) => path.includes("/checkpoints/"));
    const checkpoints = signed.map(([, bytes]) => parseCheckpoint(new TextDecoder().decode(bytes))!);
    const { good, message } = await examine(objectLines(files.filter(({ path }) => path.endsWith(".jsonl.gz"))), {
      checkpoints,
      keys: await publicKeys(bindings),
    });
    expect([good, message]).toEqual([true, expect.stringContaining(`good: records 1 to ${records.length}`)]);
    expect(checkpoints.length).toBeGreaterThan(0);
    expect(new Set(checkpoints.map(({ orgId: id }) => id))).toEqual(new Set([await orgId()]));
    // A short run need not contain every fault.
    const needed = COUNT < 100_000 ? { all: Object.values(met).reduce((a, b) => a + b) } : met;
    for (const [fault, times] of Object.entries(needed)) expect(times, fault).toBeGreaterThan(0);
    console.log(`${records.length} records to ${streams.length} destinations: ${JSON.stringify(met)}`);
  },
  30 * 60_000,
);

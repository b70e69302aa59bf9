import { sql } from "drizzle-orm";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { canonical, recordOf } from "./chain.ts";
import { isNext } from "./fromChain.ts";
import { REFUSED_LEASE } from "./record.ts";
import { auditArchivedIds, auditArchives, auditEvents, auditHeads } from "./table.ts";

/** The number of records in one object, small enough that an object can be read as a whole. */
const PER_OBJECT = 1000;
/** Maximum number of objects that one run of the cron writes; the next run continues. */
const PER_RUN = 20;
const DAY = 86_400_000;

/**
 * Moves records to R2, as gzipped JSON lines, when they are older than their organization keeps in the database. The object is written
 * first; then one transaction adds its row and deletes the records. It moves whole days (UTC) from the start of the chain without a gap, so
 * the table keeps the end of the chain. A crash in between leaves an object without a row, and the next run writes it again.
 * @returns how many records
 */
export async function archiveOldRecords(env: Bindings, now: number): Promise<number> {
  let moved = 0;
  for (let objects = 0; objects < PER_RUN; objects++) {
    const due = await nextDue(env, now);
    if (!due) return moved;
    moved += await archiveOnce(env, due);
  }
  return moved;
}

interface Due {
  orgId: string;
  archivedSeq: number;
  /** Records from before this time are archived, milliseconds. */
  before: number;
}

async function nextDue(env: Bindings, now: number): Promise<Due | undefined> {
  const store = openStore(env);
  const today = Math.floor(now / DAY);
  const before = sql<number>`(SELECT (${today} - audit_retention_days) * ${DAY} FROM organizations WHERE id = org_id AND audit_retention_days > 0)`;
  const oldest = sql`(SELECT at FROM audit_events AS e WHERE e.org_id = audit_heads.org_id AND e.seq > audit_heads.archived_seq ORDER BY e.seq LIMIT 1)`;
  const [rows] = await batch(store, [
    store.db
      .select({ orgId: auditHeads.orgId, archivedSeq: auditHeads.archivedSeq, before: before.as("before") })
      .from(auditHeads)
      .where(sql`${oldest} < ${before}`)
      .limit(1),
  ]);
  return rows[0];
}

async function archiveOnce(env: Bindings, { orgId, archivedSeq, before }: Due): Promise<number> {
  const store = openStore(env);
  const [rows] = await batch(store, [
    store.db
      .select()
      .from(auditEvents)
      .where(isNext(orgId, archivedSeq + 1, PER_OBJECT))
      .orderBy(auditEvents.seq),
  ]);
  const young = rows.findIndex(({ at }) => at >= before);
  const old = young < 0 ? rows : rows.slice(0, young);
  if (old.length === 0) return 0;
  const lastSeq = old.at(-1)!.seq!;
  const lines = old.map((row) => `${canonical(recordOf(row))}\n`).join("");
  const key = `audit/archive/${orgId}/${padded(archivedSeq + 1)}-${padded(lastSeq)}.jsonl.gz`;
  const bytes = await new Response(new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  await env.STATE.put(key, bytes, { httpMetadata: { contentType: "application/x-ndjson", contentEncoding: "gzip" } });

  const times = old.map(({ at }) => at);
  await batch(store, [
    // Fails when another run was faster: a record cannot be archived twice.
    store.db.insert(auditArchives).values({
      orgId,
      firstSeq: archivedSeq + 1,
      lastSeq,
      firstAt: Math.min(...times),
      lastAt: Math.max(...times),
      key,
    }),
    store.db
      .insert(auditArchivedIds)
      .select(
        sql`SELECT id FROM audit_events WHERE org_id = ${orgId} AND seq BETWEEN ${archivedSeq + 1} AND ${lastSeq}
          AND id GLOB ${`${REFUSED_LEASE}*`}`,
      )
      .onConflictDoNothing(),
    store.db.delete(auditEvents).where(sql`org_id = ${orgId} AND seq BETWEEN ${archivedSeq + 1} AND ${lastSeq}`),
    store.db
      .update(auditHeads)
      .set({ archivedSeq: lastSeq })
      .where(sql`${auditHeads.orgId} = ${orgId}`),
  ]);
  return old.length;
}

/** Pads a number, so that keys sort by number. */
const padded = (seq: number) => String(seq).padStart(12, "0");

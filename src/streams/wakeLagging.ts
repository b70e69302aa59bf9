import { and, eq, isNull, lte, or, sql } from "drizzle-orm";
import { auditHeads } from "../audit/table.ts";
import { wakeStreams } from "../audit/wakeStreams.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { CHECKED_AFTER } from "./deliver.ts";
import { auditStreams } from "./table.ts";

/** Maximum number of streams that one run of the cron wakes, those that wait longest first. */
const PER_RUN = 500;
/** Maximum number of idle streams that one run of the cron wakes: their destinations need not be called all at once. */
const IDLE_PER_RUN = 50;

/**
 * Wakes streams that have records or checkpoints to send and no time to wait for. This is needed after a wake-up was lost, and for the
 * checkpoints, which no writer of the log makes.
 * @returns how many
 */
export async function wakeLagging(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const [rows] = await batch(store, [
    store.db
      .select({ id: auditStreams.id })
      .from(auditStreams)
      .innerJoin(auditHeads, eq(auditHeads.orgId, auditStreams.orgId))
      .where(
        and(
          isNull(auditStreams.pausedAt),
          lte(auditStreams.retryAt, now),
          or(
            sql`${auditHeads.seq} > ${auditStreams.deliveredThrough}`,
            sql`${auditStreams.destination}->>'kind' = 's3' AND ${auditHeads.checkpointDay} > ${auditStreams.checkpointDay}`,
          ),
        ),
      )
      .orderBy(sql`coalesce(${auditStreams.lastSuccessAt}, 0)`)
      .limit(PER_RUN),
  ]);
  await wakeStreams(
    env,
    rows.map(({ id }) => id),
  );
  return rows.length;
}

/**
 * Wakes streams that had nothing to send for a day, so that they check their destinations: a broken one is seen before the next record.
 * @returns how many
 */
export async function wakeIdle(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const lastSuccess = sql`coalesce(${auditStreams.lastSuccessAt}, ${auditStreams.createdAt})`;
  const [rows] = await batch(store, [
    store.db
      .select({ id: auditStreams.id })
      .from(auditStreams)
      .where(and(isNull(auditStreams.pausedAt), lte(auditStreams.retryAt, now), lte(lastSuccess, now - CHECKED_AFTER)))
      .orderBy(lastSuccess)
      .limit(IDLE_PER_RUN),
  ]);
  await wakeStreams(
    env,
    rows.map(({ id }) => id),
  );
  return rows.length;
}

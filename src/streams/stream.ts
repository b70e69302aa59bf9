import { type SQL, and, eq, getTableColumns, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { logError } from "../log.ts";
import type { Stream } from "./openapi.ts";
import { hasRole } from "./destination.ts";
import { auditStreams } from "./table.ts";

/** Maximum number of streams of an organization. One answer lists them all. */
export const MOST_STREAMS = 20;

/** SQL condition: the organization's stream with that id. */
export const thatStream = (ctx: OrgContext, id: string): SQL => and(eq(auditStreams.id, id), eq(auditStreams.orgId, ctx.org.id))!;

/** SQL that increments the version of a stream: an attempt that began before the change moves nothing. */
export const nextVersion = sql`${auditStreams.version} + 1`;

/** The columns that a change resets: the stream is tried at once. */
export const freshStart = { failingSince: null, failures: 0, retryAt: 0, error: "" } as const;

/** Time of the first event that was not delivered: in the archive, or in the table. */
const oldest = sql<number | null>`coalesce(
  (SELECT CASE WHEN audit_archives.last_seq > audit_streams.delivered_through THEN audit_archives.first_at END FROM audit_archives
    WHERE audit_archives.org_id = audit_streams.org_id AND audit_archives.first_seq <= audit_streams.delivered_through + 1
    ORDER BY audit_archives.first_seq DESC LIMIT 1),
  (SELECT audit_events.at FROM audit_events WHERE audit_events.org_id = audit_streams.org_id
    AND audit_events.seq > audit_streams.delivered_through ORDER BY audit_events.seq LIMIT 1))`;

const shown = {
  ...getTableColumns(auditStreams),
  headSeq: sql<number>`coalesce((SELECT audit_heads.seq FROM audit_heads WHERE audit_heads.org_id = audit_streams.org_id), 0)`.as(
    "head_seq",
  ),
  oldestAt: oldest.as("oldest_at"),
};

/** Statement that reads streams with their lag. */
export const selectStreams = (ctx: OrgContext, which: SQL) =>
  ctx.store.db.select(shown).from(auditStreams).where(which).orderBy(auditStreams.createdAt, auditStreams.id).limit(MOST_STREAMS);

export type StreamRow = Awaited<ReturnType<typeof selectStreams>>[number];

/** @throws 404 */
export async function readStream(ctx: OrgContext, id: string): Promise<StreamRow> {
  const [rows] = await guarded(ctx, [selectStreams(ctx, thatStream(ctx, id))]);
  if (!rows[0]) throw notFound("Audit stream");
  return rows[0];
}

export const getStream = async (ctx: OrgContext, id: string) => toStream(await readStream(ctx, id), ctx.now);

export async function listStreams(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [selectStreams(ctx, eq(auditStreams.orgId, ctx.org.id))]);
  return { streams: rows.map((row) => toStream(row, ctx.now)) };
}

const time = (at: number) => new Date(at).toISOString();

/** The stream without its credentials. */
export function toStream(row: StreamRow, now: number): Stream {
  return {
    id: row.id,
    name: row.name,
    format: row.format,
    destination: row.destination,
    hasSecret: row.credentials !== "" && !hasRole(row.destination),
    created: time(row.createdAt),
    modified: time(row.modifiedAt),
    deliveredThrough: row.deliveredThrough,
    lag: {
      records: Math.max(0, row.headSeq - row.deliveredThrough),
      seconds: row.oldestAt === null ? 0 : Math.max(0, Math.round((now - row.oldestAt) / 1000)),
    },
    ...(row.lastSuccessAt !== null && { lastSuccess: time(row.lastSuccessAt) }),
    ...(row.failingSince !== null && { failing: { since: time(row.failingSince), failures: row.failures, error: row.error } }),
    ...(row.retryAt > now && { nextAttempt: time(row.retryAt) }),
    ...(row.pausedAt !== null && { paused: { at: time(row.pausedAt), reason: row.pausedFor ?? "asked" } }),
  };
}

/** Makes a change take effect at once. The stream's object also learns it from D1, so a failure is only logged. */
export function noteChange(ctx: OrgContext, id: string): void {
  ctx.background("audit stream", async (env) => {
    try {
      await env.STREAMS.get(env.STREAMS.idFromName(id)).changed(id);
    } catch (error) {
      logError("audit stream not reached", error, { id });
    }
  });
}

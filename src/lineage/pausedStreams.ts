import { type SQL, sql } from "drizzle-orm";
import { auditStreams } from "../streams/table.ts";

/** The columns of a stream whose credential was revoked. A stream that was paused before keeps the time of that pause. */
export const pausedByRevocation = (now: number) => ({
  pausedAt: sql`coalesce(${auditStreams.pausedAt}, ${now})`,
  pausedFor: "revoked" as const,
  version: sql`${auditStreams.version} + 1`,
});

/** SQL condition: the stream is not paused for this reason yet. */
export const isNotRevoked: SQL = sql`audit_streams.paused_for IS NOT 'revoked'`;

import { type SQL, and, isNull, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import type { RecordedEvent } from "../audit/events.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, describedBy, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { requireExports, requireRecord } from "./create.ts";
import { type StreamRow, freshStart, nextVersion, noteChange, readStream, selectStreams, thatStream, toStream } from "./stream.ts";
import { auditStreams } from "./table.ts";

/** Pauses a stream: its cursor stays, and nothing is lost while it is paused. */
export async function pauseStream(ctx: OrgContext, id: string) {
  const { name } = await readStream(ctx, id);
  return change(ctx, id, {
    set: { pausedAt: ctx.now, pausedFor: "asked" },
    where: isNull(auditStreams.pausedAt),
    event: "audit-stream-paused",
    description: `Paused the audit stream "${name}" (${id}).`,
  });
}

/** Resumes a stream where it stopped. A stream that waits after a failure is tried at once. */
export async function resumeStream(ctx: OrgContext, id: string) {
  requireExports(ctx);
  const { name, deliveredThrough } = await readStream(ctx, id);
  const { pausedFor, madeWith } = auditStreams;
  return change(ctx, id, {
    // The caller that resumes a stream after a revocation is responsible for it.
    set: {
      pausedAt: null,
      pausedFor: null,
      madeWith: sql`iif(${pausedFor} = 'revoked', ${ctx.actor.token.id}, ${madeWith})`,
      ...freshStart,
    },
    where: sql`1`,
    event: "audit-stream-resumed",
    description: `Resumed the audit stream "${name}" (${id}) after record ${deliveredThrough}.`,
  });
}

/** Sets the cursor of a stream, so that it sends the records from this one on, also those that it has sent already. @throws 400 */
export async function restartStream(ctx: OrgContext, id: string, from: number) {
  requireExports(ctx);
  const { name, headSeq } = await readStream(ctx, id);
  requireRecord(from, headSeq);
  const next = sql`(SELECT delivered_through + 1 FROM audit_streams WHERE ${thatStream(ctx, id)})`;
  return change(ctx, id, {
    set: { deliveredThrough: from - 1, checkpointDay: "", ...freshStart },
    where: sql`1`,
    event: "audit-stream-restarted",
    description: sql`${`Set the audit stream "${name}" (${id}) from record `} || ${next} || ${` to record ${from}.`}`,
  });
}

interface Change {
  set: SQLiteUpdateSetSource<typeof auditStreams>;
  where: SQL;
  event: RecordedEvent;
  /** Of the stream as it was before the change. */
  description: string | SQL;
}

async function change(ctx: OrgContext, id: string, { set, where, event: name, description }: Change) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: name,
    description: typeof description === "string" ? description : "",
  });
  const which = and(thatStream(ctx, id), where);
  const body = typeof description === "string" ? undefined : describedBy(event, description);
  const [, , rows] = await guarded(ctx, [
    auditIf(ctx.store, event, sql`EXISTS (SELECT 1 FROM ${auditStreams} WHERE ${which})`, body),
    ctx.store.db
      .update(auditStreams)
      .set({ ...set, version: nextVersion, modifiedAt: ctx.now })
      .where(which),
    selectStreams(ctx, thatStream(ctx, id)),
  ]);
  relaySoon(ctx, event);
  noteChange(ctx, id);
  return toStream((rows[0] as StreamRow | undefined) ?? (await readStream(ctx, id)), ctx.now);
}

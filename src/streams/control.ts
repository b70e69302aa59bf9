import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import type { RecordedEvent } from "../audit/events.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { requireRecord } from "./create.ts";
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
  const { name, deliveredThrough, pausedFor } = await readStream(ctx, id);
  return change(ctx, id, {
    // The caller that resumes a stream after a revocation is responsible for it.
    set: { pausedAt: null, pausedFor: null, ...(pausedFor === "revoked" && { madeWith: ctx.actor.token.id }), ...freshStart },
    where: sql`1`,
    event: "audit-stream-resumed",
    description: `Resumed the audit stream "${name}" (${id}) after record ${deliveredThrough}.`,
  });
}

/** Sets the cursor of a stream, so that it sends the records from this one on, also those that it has sent already. @throws 400 */
export async function restartStream(ctx: OrgContext, id: string, from: number) {
  const { name, deliveredThrough, headSeq } = await readStream(ctx, id);
  requireRecord(from, headSeq);
  return change(ctx, id, {
    set: { deliveredThrough: from - 1, checkpointDay: "", ...freshStart },
    where: eq(auditStreams.deliveredThrough, deliveredThrough),
    event: "audit-stream-restarted",
    description: `Set the audit stream "${name}" (${id}) from record ${deliveredThrough + 1} to record ${from}.`,
  });
}

interface Change {
  set: SQLiteUpdateSetSource<typeof auditStreams>;
  where: SQL;
  event: RecordedEvent;
  description: string;
}

async function change(ctx: OrgContext, id: string, { set, where, event: name, description }: Change) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: name, description });
  const [, , rows] = await guarded(ctx, [
    ctx.store.db
      .update(auditStreams)
      .set({ ...set, version: nextVersion, modifiedAt: ctx.now })
      .where(and(thatStream(ctx, id), where)),
    auditIf(ctx.store, event, changedARow),
    selectStreams(ctx, thatStream(ctx, id)),
  ]);
  relaySoon(ctx, event);
  noteChange(ctx, id);
  return toStream((rows[0] as StreamRow | undefined) ?? (await readStream(ctx, id)), ctx.now);
}

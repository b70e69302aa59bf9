import { eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { auditHeads } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import { missingIn } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, failUnless } from "../db/client.ts";
import { newIdAt } from "../db/places.ts";
import { badRequest, conflict } from "../errors.ts";
import type { CreateStreamRequest } from "./schema.ts";
import { seal } from "./seal.ts";
import { settingsOf } from "./settings.ts";
import { MOST_STREAMS, listStreams, noteChange, toStream } from "./stream.ts";
import { auditStreams } from "./table.ts";
import { placeOf } from "./tell.ts";

/**
 * Adds a stream, which begins at once with the record that the request names. For an HTTPS address the answer has the secret of its signatures,
 * and no later answer has it.
 * @param origin address of this deployment
 * @param isPaused whether it sends nothing until it is resumed
 * @throws 400, 409 for a name that the organization has already
 */
export async function createStream(ctx: OrgContext, request: CreateStreamRequest, origin: string, isPaused = false) {
  requireExports(ctx);
  const { name, format, from } = request;
  const { destination, credentials, shown } = settingsOf(ctx.env, request.destination, format, origin);
  const headSeq = await lastRecord(ctx);
  if (from !== "now") requireRecord(from, headSeq);
  const id = newIdAt(ctx.store.place);
  const row = {
    id,
    orgId: ctx.org.id,
    name,
    format,
    destination,
    credentials: await seal(ctx.env, id, credentials),
    host: new URL(origin).hostname,
    deliveredThrough: from === "now" ? headSeq : from - 1,
    checkpointDay: "",
    version: 1,
    createdAt: ctx.now,
    modifiedAt: ctx.now,
    madeWith: ctx.actor.token.id,
    lastSuccessAt: null,
    failingSince: null,
    failures: 0,
    retryAt: 0,
    error: "",
    pausedAt: isPaused ? ctx.now : null,
    pausedFor: isPaused ? ("asked" as const) : null,
  };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "audit-stream-created",
    description: `Added the audit stream "${name}" (${id}) to ${placeOf(destination)} in the format ${format}, from record ${row.deliveredThrough + 1}${isPaused ? ", and paused it" : ""}.`,
  });
  const isRoom = sql`(SELECT count(*) < ${MOST_STREAMS} FROM ${auditStreams} WHERE ${auditStreams.orgId} = ${ctx.org.id})`;
  try {
    await guarded(ctx, [
      ctx.store.db.select({ holds: failUnless(isRoom) }).from(sql`(SELECT 1)`),
      ctx.store.db.insert(auditStreams).values(row),
      auditStatement(ctx.store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw nameIsTaken(name);
    if (error instanceof PreconditionFailed && (await listStreams(ctx)).streams.length >= MOST_STREAMS)
      throw badRequest(`an organization has at most ${MOST_STREAMS} audit streams`);
    throw error;
  }
  relaySoon(ctx, event);
  noteChange(ctx, id);
  return { ...toStream({ ...row, headSeq, oldestAt: null }, ctx.now), ...(shown !== undefined && { secret: shown }) };
}

export const nameIsTaken = (name: string) => conflict(`the organization already has an audit stream with the name ${name.slice(0, 100)}`);

/**
 * The edition of the organization must include exports of the log, for everything except reading, pausing and deleting its streams. @throws
 * 400
 */
export function requireExports(ctx: OrgContext): void {
  const fault = missingIn(ctx, "audit_logs:export");
  if (fault) throw fault;
}

/** The number of the last record of the log. */
export async function lastRecord(ctx: OrgContext): Promise<number> {
  const [heads] = await guarded(ctx, [
    ctx.store.db.select({ seq: auditHeads.seq }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
  ]);
  return heads[0]?.seq ?? 0;
}

/** @throws 400 */
export function requireRecord(from: number, headSeq: number): void {
  if (from > headSeq + 1) throw badRequest(`the log has ${headSeq} records, so a stream cannot begin with record ${from}`);
}

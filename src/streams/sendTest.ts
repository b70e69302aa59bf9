import { relaySoon } from "../audit/relaySoon.ts";
import { type AuditEvent, auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { sql } from "drizzle-orm";
import { requireExports } from "./create.ts";
import type { Credentials } from "./destination.ts";
import { sendMark } from "./mark.ts";
import { credentialsFor } from "./role.ts";
import { open } from "./seal.ts";
import { selectStreams, thatStream } from "./stream.ts";
import { auditStreams } from "./table.ts";

/** Milliseconds until the destination must have answered a test. */
const WITHIN = 10_000;

/**
 * Sends something that is not a record of the log, and returns what became of it. A bucket gets the object `.stackpass-check`; every other
 * destination gets a record without a place in the chain. The cursor stays.
 */
export async function testStream(ctx: OrgContext, id: string) {
  requireExports(ctx);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "audit-stream-tested",
    description: `Sent a test to the destination of the audit stream ${id}.`,
  });
  const [rows] = await guarded(ctx, [
    selectStreams(ctx, thatStream(ctx, id)),
    auditIf(ctx.store, event, sql`EXISTS (SELECT 1 FROM ${auditStreams} WHERE ${thatStream(ctx, id)})`),
  ]);
  const [stream] = rows;
  if (!stream) throw notFound("Audit stream");
  relaySoon(ctx, event);
  return sendTestTo(ctx, stream, await open(ctx.env, id, stream.credentials), event);
}

type Tested = Pick<typeof auditStreams.$inferSelect, "destination" | "name" | "format" | "host"> & { id?: string };

/** Sends a test. @param stored the credentials of the stream @param event the event of the test, which is sent as a record without a place */
export async function sendTestTo(
  ctx: OrgContext,
  { id = "", destination, name, format, host }: Tested,
  stored: Credentials | undefined,
  event: AuditEvent,
): Promise<{ delivered: boolean; error?: string }> {
  const { credentials, failure: refused } = await credentialsFor(ctx, { destination, org: ctx.org, name }, stored, { within: WITHIN });
  if (!credentials) return { delivered: false, error: refused.error };
  const to = { streamId: id, org: ctx.org, destination, format, host };
  const failure = await sendMark(ctx.env, to, credentials, event, { within: WITHIN });
  return { delivered: failure === undefined, ...(failure && { error: failure.error }) };
}

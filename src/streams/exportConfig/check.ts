import { and, asc, eq, gte, sql } from "drizzle-orm";
import { relaySoon } from "../../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { auditArchives, auditEvents } from "../../audit/table.ts";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { badRequest } from "../../errors.ts";
import { restartStream, resumeStream } from "../control.ts";
import { requireExports } from "../create.ts";
import type { Destination } from "../destination.ts";
import type { ExportS3Config } from "../schema.ts";
import { sendTestTo } from "../sendTest.ts";
import { settingsOf } from "../settings.ts";
import { EXPORT_NAME, requireExport } from "./config.ts";
import { findBucket } from "./findBucket.ts";

/** Writes a test object into the bucket with the role, which need not be configured. @param origin address of this deployment @throws 400 */
export async function testExportConfig(ctx: OrgContext, config: ExportS3Config, origin: string) {
  requireExports(ctx);
  const { destination } = settingsOf(ctx.env, await findBucket(ctx.env, config), "jsonl", origin);
  return writeTest(ctx, destination);
}

/**
 * Sends the log again from the first record at or after a time. If no time is given, it makes the next delivery at once. The test object
 * shows first whether the bucket takes anything: if not, the answer says why, and the stream stays as it is.
 * @param timestamp seconds since 1970
 * @throws 400 if the export is switched off, 404
 */
export async function forceExport(ctx: OrgContext, timestamp: number | undefined) {
  requireExports(ctx);
  const { id, destination, deliveredThrough, pausedAt } = await requireExport(ctx);
  if (pausedAt !== null) throw badRequest("the export is switched off (enabled)");
  const result = await writeTest(ctx, destination);
  if (result.message !== "") return result;
  const from = timestamp === undefined ? undefined : await firstRecordSince(ctx, timestamp * 1000);
  if (from !== undefined && from <= deliveredThrough) await restartStream(ctx, id, from);
  else await resumeStream(ctx, id);
  return result;
}

async function writeTest(ctx: OrgContext, destination: Destination) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "audit-stream-tested",
    description: "Sent a test to the bucket of the audit log's export.",
  });
  await guarded(ctx, [auditStatement(ctx.store, event)]);
  relaySoon(ctx, event);
  const { error = "" } = await sendTestTo(ctx, { destination, name: EXPORT_NAME, format: "jsonl", host: "" }, { secret: "" }, event);
  return { message: error, timestamp: Math.floor(ctx.now / 1000) };
}

/** The number of the first record at or after a time: in the archive, or in the table. */
async function firstRecordSince(ctx: OrgContext, at: number): Promise<number | undefined> {
  const { db } = ctx.store;
  const [archives, events] = await guarded(ctx, [
    db
      .select({ seq: auditArchives.firstSeq })
      .from(auditArchives)
      .where(and(eq(auditArchives.orgId, ctx.org.id), gte(auditArchives.lastAt, at)))
      .orderBy(asc(auditArchives.firstSeq))
      .limit(1),
    db
      .select({ seq: sql<number | null>`min(${auditEvents.seq})` })
      .from(auditEvents)
      .where(and(eq(auditEvents.orgId, ctx.org.id), gte(auditEvents.at, at))),
  ]);
  return archives[0]?.seq ?? events[0]?.seq ?? undefined;
}

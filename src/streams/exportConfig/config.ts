import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { badRequest, conflict, notFound } from "../../errors.ts";
import { pauseStream, resumeStream } from "../control.ts";
import { createStream, requireExports } from "../create.ts";
import { deleteStream } from "../delete.ts";
import { type RoleDestination, hasRole } from "../destination.ts";
import type { UpdateExportConfigRequest } from "../schema.ts";
import { type StreamRow, selectStreams } from "../stream.ts";
import { auditStreams } from "../table.ts";
import { updateStream } from "../update.ts";
import { findBucket } from "./findBucket.ts";

/**
 * The export of the public contract is the audit stream of this name, if it writes a bucket with a role. Its name is also the name in the
 * subject of its tokens, so a trust policy can be written before the export is set up.
 */
export const EXPORT_NAME = "export-config";

export type ExportRow = StreamRow & { destination: RoleDestination };
const isExport = (row: StreamRow): row is ExportRow => hasRole(row.destination);

/** The stream of the export. @throws 409 if another kind of stream has its name */
export async function readExport(ctx: OrgContext): Promise<ExportRow | undefined> {
  const isNamed = and(eq(auditStreams.orgId, ctx.org.id), sql`lower(${auditStreams.name}) = ${EXPORT_NAME}`)!;
  const [[row]] = await guarded(ctx, [selectStreams(ctx, isNamed)]);
  if (row === undefined || isExport(row)) return row;
  throw conflict(
    `the audit stream ${EXPORT_NAME} uses no role, so this operation cannot manage it: rename it, or use the streams' own operations`,
  );
}

/** @throws 404 */
export async function requireExport(ctx: OrgContext): Promise<ExportRow> {
  const row = await readExport(ctx);
  if (!row) throw notFound("Audit log export configuration");
  return row;
}

const seconds = (ms: number) => Math.floor(ms / 1000);

/** @throws 404 */
export async function getExportConfig(ctx: OrgContext) {
  const { destination, pausedAt, failingSince, error, lastSuccessAt, createdAt } = await requireExport(ctx);
  return {
    enabled: pausedAt === null,
    s3Config: { s3BucketName: destination.bucket, s3PathPrefix: destination.prefix, iamRoleArn: destination.roleArn },
    // An export that has sent nothing yet has not failed either.
    lastResult: { message: error, timestamp: seconds(failingSince ?? lastSuccessAt ?? createdAt) },
  };
}

/** Sets up the export, from the first record of the log on, or changes it. @param origin address of this deployment @throws 400, 409 */
export async function updateExportConfig(ctx: OrgContext, { newEnabled, newS3Configuration }: UpdateExportConfigRequest, origin: string) {
  requireExports(ctx);
  const before = await readExport(ctx);
  const destination = await findBucket(ctx.env, newS3Configuration);
  if (!before) {
    await createStream(ctx, { name: EXPORT_NAME, format: "jsonl", from: 1, destination }, origin, !newEnabled);
    return;
  }
  const isPaused = before.pausedAt !== null;
  // A stream that is switched off sends nothing to its new bucket, and one that is switched on nothing to its old one.
  if (!newEnabled && !isPaused) await pauseStream(ctx, before.id);
  await updateStream(ctx, before.id, { destination }, origin);
  if (newEnabled && isPaused) await resumeStream(ctx, before.id);
}

/** Ends the export. What was sent stays in the bucket. @throws 400 if there is none */
export async function deleteExportConfig(ctx: OrgContext): Promise<void> {
  const row = await readExport(ctx);
  if (!row) throw badRequest("the organization has not configured an export of its audit log");
  await deleteStream(ctx, row.id);
}

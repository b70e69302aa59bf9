import { and, desc, eq, sql } from "drizzle-orm";
import * as z from "zod";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { type StackPath, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { type UpdateStatus, updates } from "./table.ts";

/** cli-protocol §5.1. Maps are objects and never null: SDKs iterate them. */
export const UpdateInfo = z.object({
  kind: z.string(),
  startTime: z.int(),
  endTime: z.int(),
  message: z.string(),
  environment: z.record(z.string(), z.string()),
  config: z.record(z.string(), z.unknown()),
  result: z.enum(["not-started", "in-progress", "succeeded", "failed"]),
  version: z.int(),
  resourceChanges: z.record(z.string(), z.int()).optional(),
  resourceCount: z.int().optional(),
});

type Row = typeof updates.$inferSelect;

/** Newest first; previews are not in it. Without a page size: everything, as older clients expect. */
export async function listUpdates(ctx: OrgContext, path: StackPath, pageSize: number | undefined, page: number) {
  const { rows } = await read(ctx, path, pageSize, pageSize === undefined ? 0 : (page - 1) * pageSize);
  return { updates: rows.map(toUpdateInfo) };
}

/** @throws 404 before the first update, which the CLI reads as "no previous deployment" */
export async function getLatestUpdate(ctx: OrgContext, path: StackPath) {
  const { rows, version } = await read(ctx, path, 1, 0);
  const row = rows[0];
  if (!row) throw notFound(`Update of stack '${pathText(path)}'`);
  return {
    info: toUpdateInfo(row),
    latestVersion: version,
    requestedBy: { githubLogin: row.requestedBy, name: row.requestedBy, avatarUrl: "" },
    requestedByToken: row.tokenName || undefined,
    updateID: row.id,
    version: row.version ?? 0,
  };
}

async function read(ctx: OrgContext, path: StackPath, limit: number | undefined, offset: number) {
  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const [, found, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db.select({ id: stacks.id, version: stacks.version }).from(stacks).where(here),
    db
      .select()
      .from(updates)
      .where(
        and(
          sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`,
          eq(updates.dryRun, false),
          sql`${updates.version} IS NOT NULL`,
        ),
      )
      .orderBy(desc(updates.version))
      .limit(limit ?? -1)
      .offset(offset),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  return { rows, version: stack.version };
}

/** History has other words than an update's status (cli-protocol trap 31). */
const results: Record<UpdateStatus, z.infer<typeof UpdateInfo>["result"]> = {
  "not started": "not-started",
  running: "in-progress",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "failed",
};

const toUpdateInfo = (row: Row): z.infer<typeof UpdateInfo> => ({
  kind: row.kind,
  startTime: Math.floor((row.startedAt ?? row.createdAt) / 1000),
  endTime: Math.floor((row.endedAt ?? 0) / 1000),
  message: row.message,
  environment: JSON.parse(row.environment) as Record<string, string>,
  config: JSON.parse(row.config) as Record<string, unknown>,
  result: results[row.status],
  version: row.version ?? 0,
  ...(row.resourceChanges && { resourceChanges: JSON.parse(row.resourceChanges) as Record<string, number> }),
  ...(row.resourceCount !== null && { resourceCount: row.resourceCount }),
});

/** Status of one update. Imports are done when they answer, so nobody has to wait here (cli-protocol §4.12). */
export async function getUpdateStatus(ctx: OrgContext, path: StackPath, updateId: string) {
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db
      .select({ status: updates.status })
      .from(updates)
      .where(and(eq(updates.id, updateId), sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`)),
  ]);
  const row = rows[0];
  if (!row) throw notFound(`Update '${updateId.slice(0, 100)}'`);
  return { status: row.status, events: [] };
}

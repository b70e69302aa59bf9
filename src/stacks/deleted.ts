import { and, desc, eq, isNotNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { badRequest, conflict, notFound } from "../errors.ts";
import { resultOf, updates } from "../updates/table.ts";
import { stacks } from "./table.ts";

const MOST_STACKS = 25;

/** The 25 stacks that were deleted last. The row, history and states of a deleted stack are kept (management-api §13.2). */
export async function listDeletedStacks(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        id: sql<string>`${stacks.id}`.as("stack_id"),
        project: stacks.project,
        name: stacks.name,
        version: sql<number>`${stacks.version}`.as("stack_version"),
        deletedAt: stacks.deletedAt,
        resourceCount: sql<number | null>`${stacks.resourceCount}`.as("stack_resources"),
        status: updates.status,
        startedAt: updates.startedAt,
        endedAt: updates.endedAt,
      })
      .from(stacks)
      .leftJoin(updates, eq(updates.id, stacks.activeUpdate))
      .where(and(eq(stacks.orgId, ctx.org.id), isNotNull(stacks.deletedAt)))
      .orderBy(desc(stacks.deletedAt), desc(stacks.id))
      .limit(MOST_STACKS),
  ]);
  return {
    deletedStacks: rows.map((row) => ({
      id: row.id,
      programId: row.id,
      projectName: row.project,
      stackName: row.name,
      version: row.version,
      deletedAt: seconds(row.deletedAt),
      lastUpdate: {
        result: resultOf[row.status ?? "not started"],
        startTime: seconds(row.startedAt),
        endTime: seconds(row.endedAt),
        resourceCount: row.resourceCount ?? 0,
      },
    })),
  };
}

const seconds = (at: number | null) => Math.floor((at ?? 0) / 1000);

/**
 * Restores a deleted stack, unchanged and in its project.
 * @param stackName the name of the deleted stack, in upper or lower case. Its state contains this name, so the stack cannot get another
 * one.
 * @throws 409 when another stack has taken the name
 */
export async function restoreDeletedStack(ctx: OrgContext, id: string, stackName: string): Promise<void> {
  const { db } = ctx.store;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "stack-restored", description: "" });
  const deleted = and(eq(stacks.id, id), eq(stacks.orgId, ctx.org.id), isNotNull(stacks.deletedAt));
  const path = sql`(SELECT project || '/' || name FROM ${stacks} WHERE ${stacks.id} = ${id})`;
  const described = sql`json_set(${describedBy(event, sql`'Restored stack "' || ${`${ctx.org.name}/`} || ${path} || '".'`)}, '$.stack', ${path})`;
  try {
    const [found, restored] = await guarded(ctx, [
      db.select({ name: stacks.name }).from(stacks).where(deleted),
      db
        .update(stacks)
        .set({ deletedAt: null, runningUpdate: null })
        .where(and(deleted, sql`lower(${stacks.name}) = lower(${stackName})`))
        .returning({ id: stacks.id }),
      auditIf(ctx.store, event, changedARow, described),
    ]);
    if (!found[0]) throw notFound(`Deleted stack '${id.slice(0, 100)}'`);
    if (!restored[0]) throw badRequest(`the deleted stack's name is ${found[0].name}`);
  } catch (error) {
    if (error instanceof UniqueViolation) throw conflict("Stack with this name already exists");
    throw error;
  }
  relaySoon(ctx, event);
}

import { and, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { realUpdates } from "./entries.ts";
import { updates } from "../updates/table.ts";

const DAY = 86_400_000;

export interface UpdatesOfDay {
  /** Day in UTC, as `2026-01-31`. */
  day: string;
  count: number;
  /** Number of updates that failed or were canceled. */
  bad: number;
}

/**
 * Counts the updates of these stacks that started on each of the last `days` days, including today. Days without updates are omitted. Ids
 * of stacks of other organizations are ignored.
 */
export async function updatesPerDay(ctx: OrgContext, stackIds: string[], days: number): Promise<UpdatesOfDay[]> {
  const first = (Math.floor(ctx.now / DAY) - days + 1) * DAY;
  // The ids are selected first, so that the query reads only each stack's part of the index.
  const mine = sql`${updates.stackId} IN (SELECT id FROM ${stacks} WHERE id IN (SELECT value FROM json_each(${JSON.stringify(stackIds)})) AND ${stacks.orgId} = ${ctx.org.id})`;
  const day = sql<number>`${updates.startedAt} / ${sql.raw(String(DAY))}`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        day: day.as("day"),
        count: sql<number>`count(*)`.as("count"),
        bad: sql<number>`sum(${updates.status} IN ('failed', 'cancelled'))`.as("bad"),
      })
      .from(updates)
      .where(and(mine, realUpdates, sql`${updates.startedAt} IS NOT NULL AND ${updates.startedAt} >= ${first}`))
      .groupBy(sql`1`)
      .orderBy(sql`1`),
  ]);
  return rows.map(({ day, count, bad }) => ({ day: new Date(day * DAY).toISOString().slice(0, 10), count, bad }));
}

import { and, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { realUpdates } from "./entries.ts";
import { updates } from "../updates/table.ts";

const DAY = 86_400_000;

export interface UpdatesOfDay {
  /** Day of UTC, `2026-01-31`. */
  day: string;
  count: number;
  /** Those that failed or were cancelled. */
  bad: number;
}

/**
 * How many updates of these stacks began on each of the last `days` days, today included; days without one are left out. Ids of
 * another organization's stacks count nothing.
 */
export async function updatesPerDay(ctx: OrgContext, stackIds: string[], days: number): Promise<UpdatesOfDay[]> {
  const first = (Math.floor(ctx.now / DAY) - days + 1) * DAY;
  // Ids first, then each stack's own piece of the index.
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

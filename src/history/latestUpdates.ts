import { type SQL, and, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { updates } from "../updates/table.ts";

/** Number of stacks that one list looks at, so that the work has a bound however many stacks there are and however few the caller may see. */
const LOOKED_AT = 500;
/** Number of updates in one list. */
const LISTED = 8;

const columns = {
  project: sql<string>`stacks.project`.as("project"),
  stack: sql<string>`stacks.name`.as("stack_name"),
  kind: updates.kind,
  version: updates.version,
  status: updates.status,
  message: sql<string>`substr(${updates.message}, 1, 300)`.as("short_message"),
  requestedBy: updates.requestedBy,
  tokenName: updates.tokenName,
  startedAt: updates.startedAt,
  endedAt: updates.endedAt,
};

/**
 * What the organization's stacks did last: the updates that run, the latest update of each stack that failed, and the latest updates of all. Previews are
 * left out. Each list is newest first, and contains only stacks that the caller may see.
 */
export async function latestUpdates(ctx: OrgContext) {
  const { db } = ctx.store;
  /** The stacks of an index. The name of the subquery lets `visibleHere` apply to it. */
  const some = (which: SQL, order: SQL) =>
    sql`(SELECT id, org_id, project, name, active_update, running_update FROM stacks
      WHERE org_id = ${ctx.org.id} AND deleted_at IS NULL AND ${which} ${order} LIMIT ${sql.raw(String(LOOKED_AT))}) AS stacks`;
  // The conditions and the order are those of the index `stacks_recent`.
  const byTime = () => some(sql`(running_update IS NULL) = 1 AND last_update_at IS NOT NULL`, sql`ORDER BY last_update_at DESC`);
  // SQLite reads the left side of a cross join row by row, so it stops at the last row that is listed. For an inner join it would first copy all
  // stacks of the subquery.
  const updatesOf = (from: SQL, id: SQL, which?: SQL) =>
    db
      .select(columns)
      .from(from)
      .crossJoin(updates)
      .where(and(sql`${updates.id} = ${id}`, visibleHere(ctx), which));
  const [running, failed, recent, any] = await guarded(ctx, [
    updatesOf(some(sql`(running_update IS NULL) = 0`, sql``), sql`stacks.running_update`)
      .orderBy(sql`started_at DESC`)
      .limit(LISTED + 1),
    updatesOf(byTime(), sql`stacks.active_update`, sql`${updates.status} = 'failed'`).limit(LISTED + 1),
    updatesOf(byTime(), sql`stacks.active_update`, sql`${updates.status} <> 'running'`).limit(LISTED),
    db
      .select({ id: sql<string>`stacks.id`.as("stack_id") })
      .from(
        sql`(SELECT id, org_id, project, name FROM stacks WHERE org_id = ${ctx.org.id} AND deleted_at IS NULL ORDER BY project LIMIT ${sql.raw(String(LOOKED_AT))}) AS stacks`,
      )
      .where(visibleHere(ctx))
      .limit(1),
  ]);
  return { running: page(running), failed: page(failed), recent, hasStacks: any.length > 0 };
}

export type LatestUpdate = Awaited<ReturnType<typeof latestUpdates>>["recent"][number];

const page = <T>(rows: T[]) => ({ shown: rows.slice(0, LISTED), more: rows.length > LISTED });

import { and, desc, eq, gte, sql } from "drizzle-orm";
import { auditEvents, auditHeads } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";

/** Maximum number of refusals that one call counts. */
const MOST_REFUSALS = 1000;

export interface DaysOfLog {
  /** Events and refusals of each day. */
  days: { events: number; refusals: number }[];
  /** Whether there are more refusals than were counted. The latest are counted. */
  isCut: boolean;
}

/**
 * Counts events and refusals by day. The number of events is the difference of two sequence numbers, so it reads one row for each day, whatever
 * the size of the log. Events are numbered when they are written, so one that happened just before midnight may count for the next day. Archived
 * events are not counted.
 * @param starts beginning of each day, in order, milliseconds since 1970; the last day has no end
 */
export async function countByDay(ctx: OrgContext, starts: number[]): Promise<DaysOfLog> {
  const { db } = ctx.store;
  const ofOrg = eq(auditEvents.orgId, ctx.org.id);
  const [heads, firsts, refusals] = await guarded(ctx, [
    db.select({ seq: auditHeads.seq }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
    db
      .select({
        seq: sql<number | null>`(SELECT seq FROM audit_events WHERE org_id = ${ctx.org.id} AND at >= value ORDER BY at, id LIMIT 1)`.as(
          "seq",
        ),
      })
      .from(sql`json_each(${JSON.stringify(starts)})`)
      .orderBy(sql`key`),
    db
      .select({ at: auditEvents.at })
      .from(auditEvents)
      .where(and(ofOrg, sql`auth_failure = 1`, gte(auditEvents.at, starts[0] ?? 0)))
      .orderBy(desc(auditEvents.at), desc(auditEvents.id))
      .limit(MOST_REFUSALS + 1),
  ]);
  const end = (heads[0]?.seq ?? 0) + 1;
  const counted = refusals.slice(0, MOST_REFUSALS);
  const days = starts.map((start, i) => {
    const next = starts[i + 1] ?? Infinity;
    return {
      events: Math.max(0, (firsts[i + 1]?.seq ?? end) - (firsts[i]?.seq ?? end)),
      refusals: counted.filter(({ at }) => at >= start && at < next).length,
    };
  });
  return { days, isCut: refusals.length > counted.length };
}

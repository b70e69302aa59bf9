import { sql } from "drizzle-orm";
import { auditEvents } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { MOST_ROWS } from "./numbers.ts";

const DAY = 86_400_000;

/** The numbers of one organization. */
export interface OrganizationNumbers {
  members: number;
  /** Organization tokens that are not deleted. */
  tokens: number;
  stacks: number;
  /** Running updates and previews. */
  running: number;
  /** Records of the audit log, including archived ones. */
  auditEvents: number;
  archivedEvents: number;
  /** `2026-01-31`, or null before the first signed checkpoint. */
  lastCheckpointDay: string | null;
  /** Refusals of the last 24 hours, by event; the latest `MOST_ROWS` of them are counted. */
  refusals: Record<string, number>;
}

/** Reads the numbers for the organization's administrators; the batch checks that the caller still is one. */
export async function readOwnNumbers(ctx: OrgContext): Promise<OrganizationNumbers> {
  const results = await guarded(ctx, statementsOf(ctx.store, ctx.org.id, ctx.now));
  return numbersOf(results);
}

/** Reads the same numbers for the operator. */
export const readOrganizationNumbers = async (store: Store, orgId: string, now: number): Promise<OrganizationNumbers> =>
  numbersOf(await batch(store, statementsOf(store, orgId, now)));

const statementsOf = (store: Store, orgId: string, now: number) =>
  [
    store.db
      .select({
        members: sql<number>`(SELECT count(*) FROM members WHERE org_id = ${orgId})`.as("members"),
        tokens: sql<number>`(SELECT count(*) FROM access_tokens WHERE org_id = ${orgId} AND deleted_at IS NULL)`.as("tokens"),
        stacks: sql<number>`(SELECT count(*) FROM stacks WHERE org_id = ${orgId} AND deleted_at IS NULL)`.as("stacks"),
        running: sql<number>`(SELECT count(*) FROM updates JOIN stacks ON stacks.id = updates.stack_id
          WHERE updates.ended_at IS NULL AND updates.status = 'running' AND stacks.org_id = ${orgId})`.as("running"),
        auditEvents: sql<number>`coalesce((SELECT seq FROM audit_heads WHERE org_id = ${orgId}), 0)`.as("audit_events"),
        archivedEvents: sql<number>`coalesce((SELECT archived_seq FROM audit_heads WHERE org_id = ${orgId}), 0)`.as("archived_events"),
        lastCheckpointDay: sql<string | null>`nullif((SELECT checkpoint_day FROM audit_heads WHERE org_id = ${orgId}), '')`.as("last_day"),
      })
      .from(sql`(SELECT 1)`),
    store.db
      .select({ event: sql<string>`event`.as("event"), count: sql<number>`count(*)`.as("count") })
      // The condition is the index's own, so nothing but refusals is read.
      .from(sql`(SELECT event FROM ${auditEvents} WHERE org_id = ${orgId} AND auth_failure = 1 AND at >= ${now - DAY}
        ORDER BY at DESC LIMIT ${MOST_ROWS})`)
      .groupBy(sql`event`),
  ] as const;

type Results = readonly [readonly Omit<OrganizationNumbers, "refusals">[], readonly { event: string; count: number }[]];

const numbersOf = ([[counts], refusals]: Results): OrganizationNumbers => ({
  ...counts!,
  refusals: Object.fromEntries(refusals.map(({ event, count }) => [event, count])),
});

import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";

/** The latest update of a stack, running or finished. */
export type LastUpdate = Pick<typeof updates.$inferSelect, "kind" | "dryRun" | "version" | "status" | "requestedBy" | "tokenName">;

/** The latest update of each of these stacks, by the stack's id. Ids of stacks of other organizations are ignored. */
export async function lastUpdates(ctx: OrgContext, stackIds: string[]): Promise<Map<string, LastUpdate>> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        stackId: stacks.id,
        kind: updates.kind,
        dryRun: updates.dryRun,
        version: updates.version,
        status: updates.status,
        requestedBy: updates.requestedBy,
        tokenName: updates.tokenName,
      })
      .from(stacks)
      .innerJoin(updates, eq(updates.id, stacks.activeUpdate))
      .where(and(sql`${stacks.id} IN (SELECT value FROM json_each(${JSON.stringify(stackIds)}))`, eq(stacks.orgId, ctx.org.id))),
  ]);
  return new Map(rows.map(({ stackId, ...last }) => [stackId, last]));
}

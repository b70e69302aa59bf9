import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";

export interface NamedUpdate {
  id: string;
  kind: string;
  dryRun: boolean;
  version: number | null;
  status: string;
}

/** The updates with these ids, if they are of the organization. */
export async function updatesNamed(ctx: OrgContext, ids: string[]): Promise<Map<string, NamedUpdate>> {
  if (ids.length === 0) return new Map();
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({ id: updates.id, kind: updates.kind, dryRun: updates.dryRun, version: updates.version, status: updates.status })
      .from(updates)
      .innerJoin(stacks, eq(stacks.id, updates.stackId))
      .where(and(sql`${updates.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`, eq(stacks.orgId, ctx.org.id))),
  ]);
  return new Map(found.map((update) => [update.id, update]));
}

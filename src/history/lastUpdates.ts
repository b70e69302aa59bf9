import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";
import { type Source, type SourceEnvironment, sourceKeys, sourceOf } from "./source.ts";

/** The latest update of a stack, running or finished. */
export type LastUpdate = Pick<
  typeof updates.$inferSelect,
  "kind" | "dryRun" | "version" | "status" | "requestedBy" | "tokenName" | "startedAt"
> & { source: Source };

/** The members of the environment that name its source, each cut to a bounded length. An environment may be large. */
const sourceColumn = sql<string>`json_object(${sql.join(
  sourceKeys.flatMap((key) => [sql.raw(`'${key}'`), sql`substr(json_extract(${updates.environment}, ${sql.raw(`'$."${key}"'`)}), 1, 400)`]),
  sql`, `,
)})`;

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
        startedAt: updates.startedAt,
        source: sourceColumn.as("source"),
      })
      .from(stacks)
      .innerJoin(updates, eq(updates.id, stacks.activeUpdate))
      .where(and(sql`${stacks.id} IN (SELECT value FROM json_each(${JSON.stringify(stackIds)}))`, eq(stacks.orgId, ctx.org.id))),
  ]);
  return new Map(
    rows.map(({ stackId, source, ...last }) => [stackId, { ...last, source: sourceOf(JSON.parse(source) as SourceEnvironment) }]),
  );
}

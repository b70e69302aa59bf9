import { and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod";
import { guard } from "../auth/guard.ts";
import { closedOrgs } from "../auth/policy.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { ActorContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { organizations } from "../orgs/table.ts";
import type { ListUserStacksQuery } from "./schema.ts";
import { stackTags, stacks } from "./table.ts";

const PAGE = 100;
const Key = z.tuple([z.string(), z.string(), z.string()]);

/**
 * Stacks that the caller may see, by organization, project and name. An organization that the caller is not in has
 * none, like one that does not exist.
 */
export async function listUserStacks(ctx: ActorContext, query: z.infer<typeof ListUserStacksQuery>) {
  const { actor } = ctx;
  const size = query.maxResults ?? PAGE;
  const after = fromCursor(query.continuationToken, Key);
  const mine =
    actor.kind === "user"
      ? sql`${stacks.orgId} IN (SELECT org_id FROM members JOIN organizations ON organizations.id = org_id WHERE user_id = ${actor.user.id}
          AND (role = 'admin' OR role = 'member' AND default_stack_permission > 0))`
      : and(eq(stacks.orgId, actor.org.id), sql`${actor.role !== "member" || actor.settings.defaultStackPermission > 0 ? 1 : 0}`);
  const tagged = sql`EXISTS (SELECT 1 FROM ${stackTags} WHERE ${stackTags.stackId} = ${stacks.id} AND ${stackTags.name} = ${query.tagName ?? ""} ${
    query.tagValue === undefined ? sql`` : sql`AND ${stackTags.value} = ${query.tagValue}`
  })`;

  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, actor, ctx.now),
    ctx.store.db
      .select({
        id: sql<string>`${stacks.id}`.as("stack_id"),
        orgId: stacks.orgId,
        orgName: sql<string>`${organizations.name}`.as("org_name"),
        project: stacks.project,
        name: sql<string>`${stacks.name}`.as("stack_name"),
        lastUpdateAt: stacks.lastUpdateAt,
        runningUpdate: stacks.runningUpdate,
        resourceCount: stacks.resourceCount,
      })
      .from(stacks)
      .innerJoin(organizations, eq(organizations.id, stacks.orgId))
      .where(
        and(
          isNull(stacks.deletedAt),
          mine,
          sql`${stacks.orgId} NOT IN (SELECT value FROM json_each(${JSON.stringify(closedOrgs(actor, ctx))}))`,
          isVisible(actor.limits.stackRules, sql`${stacks.project}`, sql`${stacks.name}`),
          query.organization ? eq(organizations.name, query.organization) : undefined,
          query.project ? eq(stacks.project, query.project) : undefined,
          query.tagName ? tagged : undefined,
          after && sql`(${stacks.orgId}, ${stacks.project}, ${stacks.name}) > (${after[0]}, ${after[1]}, ${after[2]})`,
        ),
      )
      .orderBy(stacks.orgId, stacks.project, sql`stack_name`)
      .limit(size + 1),
  ]);
  const { items, continuationToken } = page(rows, size, (row) => [row.orgId, row.project, row.name]);
  return {
    stacks: items.map((row) => ({
      id: row.id,
      orgName: row.orgName,
      projectName: row.project,
      stackName: row.name,
      ...lastUpdate(row.runningUpdate !== null, row.lastUpdateAt),
      ...(row.resourceCount !== null && { resourceCount: row.resourceCount }),
    })),
    continuationToken,
  };
}

/** Absent: never. 0: one is in progress (cli-protocol §3.3). */
const lastUpdate = (running: boolean, at: number | null) => {
  if (running) return { lastUpdate: 0 };
  return at === null ? {} : { lastUpdate: Math.floor(at / 1000) };
};

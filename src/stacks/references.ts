import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { guard, guardMemberships } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import type { StackReferences } from "./operations.ts";
import { type StackPath, stackAt, stackNotFound } from "./path.ts";
import { stackReferences, stacks } from "./table.ts";
import { visibleTo } from "./visible.ts";

/** Of one stack; a state with more is not a sensible one. */
const MOST = 1000;

/**
 * Statements that note what the newest state of the stack that `stackId` (SQL for its id) refers to. A name says all three parts
 * (cli-protocol §3.11); any other names no stack.
 */
export function replaceReferences(store: Store, stackId: SQL, names: string[]) {
  const paths = names.filter((name) => /^[^/]{1,100}\/[^/]{1,100}\/[^/]{1,100}$/.test(name)).slice(0, MOST);
  const part = (i: number) => sql`json_extract(value, ${`$[${i}]`})`;
  return [
    store.db.delete(stackReferences).where(eq(stackReferences.stackId, stackId)),
    store.db.insert(stackReferences).select(sql`SELECT ${stackId}, ${part(0)}, ${part(1)}, ${part(2)}
      FROM json_each(${JSON.stringify(paths.map((path) => path.split("/")))}) WHERE ${stackId} IS NOT NULL`),
  ] as const;
}

/** Stacks that this one reads outputs of, as far as they are there and the caller may see them. */
export const listUpstreamReferences = (ctx: OrgContext, path: StackPath) =>
  list(
    ctx,
    path,
    sql`(${organizations.name}, ${stacks.project}, ${stacks.name}) IN (SELECT org_name, project, name FROM ${stackReferences}
      WHERE stack_id = (SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)}))`,
  );

/** Stacks that read outputs of this one, as far as the caller may see them. */
export const listDownstreamReferences = (ctx: OrgContext, path: StackPath) =>
  list(
    ctx,
    path,
    sql`${stacks.id} IN (SELECT stack_id FROM ${stackReferences}
      WHERE org_name = ${path.orgName} AND project = ${path.projectName} AND name = ${path.stackName})`,
  );

async function list(ctx: OrgContext, path: StackPath, where: SQL): Promise<StackReferences> {
  const { db } = ctx.store;
  const [, , found, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    guardMemberships(ctx.store, ctx.actor),
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    db
      .select({
        organization: sql<string>`${organizations.name}`.as("org_name"),
        routingProject: stacks.project,
        name: sql<string>`${stacks.name}`.as("stack_name"),
        version: stacks.version,
      })
      .from(stacks)
      .innerJoin(organizations, eq(organizations.id, stacks.orgId))
      .where(and(isNull(stacks.deletedAt), visibleTo(ctx), where))
      .orderBy(sql`org_name`, stacks.project, sql`stack_name`)
      .limit(MOST),
  ]);
  if (!found[0]) throw stackNotFound(path);
  return { referencedStacks: rows };
}

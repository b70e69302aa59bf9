import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { guardMemberships, guarded } from "../auth/guard.ts";
import { visibleTo } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { type Store } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import type { StackReferences } from "./openapi.ts";
import { type StackPath, stackAt, stackNotFound } from "./path.ts";
import { stackReferences, stacks } from "./table.ts";

/** Maximum number of references of one stack that are stored and shown. */
const MOST_REFERENCES = 1000;

/**
 * Statements that record the stacks that the newest state of the stack `stackId` (SQL for its id) refers to, each with its version at
 * this moment. A reference names organization, project and stack (cli-protocol §3.11); any other text names no stack.
 */
export function replaceReferences(store: Store, stackId: SQL, names: string[]) {
  const paths = names.filter((name) => /^[^/]{1,100}\/[^/]{1,100}\/[^/]{1,100}$/.test(name)).slice(0, MOST_REFERENCES);
  const part = (i: number) => sql`json_extract(value, ${`$[${i}]`})`;
  const version = sql`coalesce((SELECT stacks.version FROM stacks JOIN organizations ON organizations.id = stacks.org_id
    WHERE lower(organizations.name) = lower(${part(0)}) AND organizations.name = ${part(0)} AND stacks.deleted_at IS NULL
    AND lower(stacks.project) = lower(${part(1)}) AND lower(stacks.name) = lower(${part(2)})), 0)`;
  const forget = store.db.delete(stackReferences).where(eq(stackReferences.stackId, stackId));
  if (paths.length === 0) return [forget];
  return [
    forget,
    store.db.insert(stackReferences).select(sql`SELECT ${stackId}, ${part(0)}, ${part(1)}, ${part(2)}, ${version}
      FROM json_each(${JSON.stringify(paths.map((path) => path.split("/")))}) WHERE ${stackId} IS NOT NULL`),
  ];
}

/** Lists the stacks whose outputs this one reads, if they exist and the caller may see them. */
export const listUpstreamReferences = (ctx: OrgContext, path: StackPath) => list(ctx, path, upstreamOf(ctx, path));

/** Lists the stacks that read outputs of this one and that the caller may see. */
export const listDownstreamReferences = (ctx: OrgContext, path: StackPath) => list(ctx, path, downstreamOf(ctx, path));

/** The query of the stacks that this one refers to, each with the version that it had when it was referenced. */
export const upstreamOf = (ctx: OrgContext, path: StackPath) =>
  references(ctx, {
    on: and(
      sql`lower(${stackReferences.orgName}) = lower(${organizations.name})`,
      eq(stackReferences.orgName, organizations.name),
      sql`lower(${stackReferences.project}) = lower(${stacks.project})`,
      sql`lower(${stackReferences.name}) = lower(${stacks.name})`,
    ),
    where: sql`${stackReferences.stackId} = (SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`,
    version: sql`max(coalesce(${stackReferences.version}, ${stacks.version}))`,
  });

/** The query of the stacks that refer to this one, each with its own version. */
const downstreamOf = (ctx: OrgContext, path: StackPath) =>
  references(ctx, {
    on: eq(stackReferences.stackId, stacks.id),
    where: and(
      eq(stackReferences.orgName, path.orgName),
      sql`lower(${stackReferences.project}) = lower(${path.projectName})`,
      sql`lower(${stackReferences.name}) = lower(${path.stackName})`,
    ),
    version: sql`${stacks.version}`,
  });

/** A stack is shown once, also when a state names it in two spellings. */
const references = (ctx: OrgContext, { on, where, version }: { on: SQL | undefined; where: SQL | undefined; version: SQL }) =>
  ctx.store.db
    .select({
      organization: sql<string>`${organizations.name}`.as("owner"),
      routingProject: sql<string>`${stacks.project}`.as("stack_project"),
      name: sql<string>`${stacks.name}`.as("stack_name"),
      version: sql<number>`${version}`.as("stack_version"),
    })
    .from(stacks)
    .innerJoin(organizations, eq(organizations.id, stacks.orgId))
    .innerJoin(stackReferences, on)
    .where(and(isNull(stacks.deletedAt), visibleTo(ctx), where))
    .groupBy(stacks.id)
    .orderBy(sql`owner`, sql`stack_project`, sql`stack_name`)
    .limit(MOST_REFERENCES);

async function list(ctx: OrgContext, path: StackPath, query: ReturnType<typeof references>): Promise<StackReferences> {
  const [, found, rows] = await guarded(ctx, [
    guardMemberships(ctx.store, ctx.actor),
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    query,
  ]);
  if (!found[0]) throw stackNotFound(path);
  return { referencedStacks: rows };
}

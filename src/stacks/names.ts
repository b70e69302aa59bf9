import { and, eq, isNull, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { StackRef } from "../auth/policy.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "./table.ts";

/** Stacks of the organization that the caller may know. */
const known = (ctx: OrgContext) => and(eq(stacks.orgId, ctx.org.id), isNull(stacks.deletedAt), visibleHere(ctx));

const columns = { id: stacks.id, projectName: stacks.project, stackName: stacks.name };

/** Finds the names of stacks by id. An id without a stack that the caller may know is absent. */
export async function stackNamesOf(ctx: OrgContext, ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(columns)
      .from(stacks)
      .where(and(known(ctx), sql`${stacks.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`)),
  ]);
  return new Map(rows.map(({ id, projectName, stackName }) => [id, `${projectName}/${stackName}`]));
}

/** Finds the ids of stacks by `project/stack` in lower case. A stack that the caller may not know is absent. */
export async function stackIdsOf(ctx: OrgContext, refs: StackRef[]): Promise<Map<string, string>> {
  if (refs.length === 0) return new Map();
  const wanted = JSON.stringify(refs.map(({ projectName, stackName }) => `${projectName}/${stackName}`.toLowerCase()));
  const path = sql`lower(${stacks.project}) || '/' || lower(${stacks.name})`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(columns)
      .from(stacks)
      .where(and(known(ctx), sql`${path} IN (SELECT value FROM json_each(${wanted}))`)),
  ]);
  return new Map(rows.map(({ id, projectName, stackName }) => [`${projectName}/${stackName}`.toLowerCase(), id]));
}

/** Lists the first stacks by name that the caller may know, as suggestions. */
export async function firstStackNames(ctx: OrgContext, most: number): Promise<string[]> {
  const [rows] = await guarded(ctx, [
    ctx.store.db.select(columns).from(stacks).where(known(ctx)).orderBy(stacks.project, stacks.name).limit(most),
  ]);
  return rows.map(({ projectName, stackName }) => `${projectName}/${stackName}`);
}

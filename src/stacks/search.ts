import { type SQL, and, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";

/** Number of stacks that a search looks at, in the order of their names. */
const LOOKED_AT = 10_000;

/** Bounds of what a search returns: names, and the number up to which matches are counted. */
export const SHOWN = 8;
export const COUNTED = 100;

export interface Hits<T> {
  shown: T[];
  /** Number of all matches, up to `COUNTED`. */
  count: number;
  /** Whether there are more matches than were counted. */
  isCut: boolean;
}

/** @param rows one row more than are counted */
export const hits = <T>(rows: T[]): Hits<T> => ({
  shown: rows.slice(0, SHOWN),
  count: Math.min(rows.length, COUNTED),
  isCut: rows.length > COUNTED,
});

/** The stacks and projects whose names contain a text, in upper or lower case. Stacks that the caller may not know are not among them. */
export async function searchStacks(ctx: OrgContext, text: string) {
  const { db } = ctx.store;
  const some = sql`(SELECT id, org_id, project, name FROM stacks WHERE org_id = ${ctx.org.id} AND deleted_at IS NULL
    ORDER BY project, name LIMIT ${sql.raw(String(LOOKED_AT))}) AS stacks`;
  const contains = (column: SQL) => sql`instr(lower(${column}), lower(${text})) > 0`;
  const [stacks, projects] = await guarded(ctx, [
    db
      .select({ project: sql<string>`stacks.project`.as("project"), stack: sql<string>`stacks.name`.as("stack_name") })
      .from(some)
      .where(and(visibleHere(ctx), contains(sql`stacks.project || '/' || stacks.name`)))
      .limit(COUNTED + 1),
    db
      .selectDistinct({ project: sql<string>`stacks.project`.as("project") })
      .from(some)
      .where(and(visibleHere(ctx), contains(sql`stacks.project`)))
      .limit(COUNTED + 1),
  ]);
  return { stacks: hits(stacks), projects: hits(projects) };
}

/** The stack that a URN names, if the caller may know it. A resource's URN begins with `urn:pulumi:STACK::PROJECT::`. */
export async function stackOfUrn(ctx: OrgContext, urn: string): Promise<{ project: string; stack: string } | undefined> {
  const [, stack, project] = /^urn:pulumi:([A-Za-z0-9_.-]{1,100})::([A-Za-z0-9_.-]{1,100})::/.exec(urn) ?? [];
  if (stack === undefined || project === undefined) return undefined;
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({ project: sql<string>`stacks.project`.as("project"), stack: sql<string>`stacks.name`.as("stack_name") })
      .from(sql`stacks`)
      .where(
        and(
          sql`stacks.org_id = ${ctx.org.id} AND lower(stacks.project) = lower(${project}) AND lower(stacks.name) = lower(${stack})`,
          sql`stacks.deleted_at IS NULL`,
          visibleHere(ctx),
        ),
      ),
  ]);
  return found[0];
}

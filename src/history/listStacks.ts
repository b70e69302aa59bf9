import { type SQL, and, isNull, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { sortedNaturally } from "../http/natural.ts";
import { stackTags, stacks } from "../stacks/table.ts";
import { type UpdateStatus, updates } from "../updates/table.ts";

/** `never`: the stack has had no update. */
export type StackStatus = Exclude<UpdateStatus, "not started"> | "never";

export interface StackListQuery {
  /** Upper and lower case are equal. */
  project?: string | undefined;
  /** A part of `project/name`; upper and lower case are equal. */
  search?: string | undefined;
  tagName?: string | undefined;
  tagValue?: string | undefined;
  /** The result of the latest update. */
  status?: StackStatus | undefined;
  /** `recent`: running updates first, then by the start of the latest update. `name`: by project and name in natural order. */
  sort: "recent" | "name";
  /** Pages begin with 1. */
  page: number;
  pageSize: number;
}

export interface ListedStack {
  id: string;
  project: string;
  name: string;
  resourceCount: number | null;
  lastUpdateAt: number | null;
}

export interface StackList {
  stacks: ListedStack[];
  /** Number of stacks that match. */
  total: number;
  /** Number of all stacks that the caller may see, by the name of their project. */
  perProject: Map<string, number>;
  /** Whether there are more stacks than are counted, searched and sorted by name. */
  isCut: boolean;
}

/** Maximum number of stacks that are counted, searched and sorted by name. So the number of rows that are read is bounded. */
export const MOST_LISTED = 5000;

const columns = {
  id: stacks.id,
  project: stacks.project,
  name: stacks.name,
  resourceCount: stacks.resourceCount,
  lastUpdateAt: stacks.lastUpdateAt,
};

/** Stacks of the organization that the caller may see, for a page of the console. */
export async function listStacks(ctx: OrgContext, query: StackListQuery): Promise<StackList> {
  const { db } = ctx.store;
  const offset = (query.page - 1) * query.pageSize;
  const mine = and(
    sql`${stacks.orgId} = ${ctx.org.id}`,
    isNull(stacks.deletedAt),
    query.project === undefined ? undefined : sql`lower(${stacks.project}) = lower(${query.project})`,
    visibleHere(ctx),
  );
  const counted = db
    .select({ project: stacks.project })
    .from(stacks)
    .where(mine)
    // The index of this order has the project in it, so the count reads no row of the table.
    .orderBy(...(query.project === undefined ? [stacks.project] : []))
    .limit(MOST_LISTED + 1)
    .as("counted");
  const count = db
    .select({ project: counted.project, count: sql<number>`count(*)`.as("count") })
    .from(counted)
    .groupBy(counted.project);
  const order = query.project === undefined ? recent : recentOfProject;
  const filters = filtersOf(query);
  if (!filters && query.sort === "recent") {
    const page = db
      .select(columns)
      .from(stacks)
      .where(mine)
      .orderBy(...order)
      .limit(query.pageSize)
      .offset(Math.min(offset, MOST_LISTED));
    const [counts, rows] = await guarded(ctx, [count, page]);
    return { ...totalsOf(counts), stacks: rows };
  }
  const latest = db
    .select({ ...columns, activeUpdate: stacks.activeUpdate })
    .from(stacks)
    .where(mine)
    .orderBy(...order)
    .limit(MOST_LISTED)
    .as("latest");
  const { activeUpdate: _, ...shown } = latest._.selectedFields;
  const [counts, rows] = await guarded(ctx, [count, db.select(shown).from(latest).where(filters)]);
  const sorted = query.sort === "name" ? sortedNaturally(rows, ({ project, name }) => `${project}\n${name}`) : rows;
  return { ...totalsOf(counts), stacks: sorted.slice(offset, offset + query.pageSize), total: rows.length };
}

function totalsOf(counts: { project: string; count: number }[]): Omit<StackList, "stacks"> {
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  return {
    total: Math.min(total, MOST_LISTED),
    isCut: total > MOST_LISTED,
    perProject: new Map(counts.map((its) => [its.project, its.count])),
  };
}

/** Running updates come first. The index `stacks_recent` has this order. */
const recent = [sql`${stacks.runningUpdate} IS NULL`, sql`${stacks.lastUpdateAt} DESC`, stacks.project, stacks.name];
/** The order of `recent` for one project, which no index has: the stacks of one project are found by the index of paths. */
const recentOfProject = [sql`+(${stacks.runningUpdate} IS NULL)`, ...recent.slice(1)];

/** Conditions on rows of `latest`; undefined without filters. */
function filtersOf({ search, tagName, tagValue, status }: StackListQuery): SQL | undefined {
  const value = tagValue === undefined ? sql`` : sql`AND ${stackTags.value} = ${tagValue}`;
  return and(
    search ? sql`instr(lower(latest.project || '/' || latest.name), lower(${search})) > 0` : undefined,
    tagName
      ? sql`EXISTS (SELECT 1 FROM ${stackTags} WHERE ${stackTags.stackId} = latest.id AND ${stackTags.name} = ${tagName} ${value})`
      : undefined,
    status === "never" ? sql`latest.active_update = ''` : undefined,
    status && status !== "never"
      ? sql`(SELECT ${updates.status} FROM ${updates} WHERE ${updates.id} = latest.active_update) = ${status}`
      : undefined,
  );
}

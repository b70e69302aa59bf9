import { type SQL, and, asc, desc, getTableColumns, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { queryNumber } from "../http/bounded.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { UpdateRow } from "./info.ts";
import { updates } from "../updates/table.ts";

/** Selection and order of entries of a stack's history. For each there is an index, see `updates/table.ts`. */
export interface Entries {
  /** Condition in addition to the stack. */
  where: SQL | undefined;
  /** The order: `version` if each version occurs once, else `start`. */
  by: "version" | "start";
  ascending?: boolean;
  /** Also count all entries, for `total`. */
  counted?: true;
}

/** Selects all updates that are not previews. */
export const realUpdates = sql`${updates.dryRun} = 0 AND ${updates.version} IS NOT NULL`;

/** Pages begin with 1. Page 0 means all entries, as in the public contract. */
export interface Paging {
  page: number;
  pageSize: number;
}

const BAD_PAGE = "Invalid 'page' value. Must be >= 0.";
const BAD_PAGE_SIZE = "Invalid 'pageSize' value. Must be >= 1.";
/** The number has no upper bound: a page after the last one is empty. */
const count = (message: string) => queryNumber(0, Number.MAX_SAFE_INTEGER, message);
export const pagingQuery = z.object({ page: z.optional(count(BAD_PAGE)), pageSize: z.optional(count(BAD_PAGE_SIZE)) });

/** Without parameters the answer has all entries, as older clients expect. With only a size it has the first page of that size. */
export function pagingOf({ page, pageSize }: z.infer<typeof pagingQuery>): Paging {
  if (page === undefined && !pageSize) return { page: 0, pageSize: 0 };
  if (page === 0) {
    if (pageSize) throw new AppError(400, "Invalid 'pageSize' value. Must be 0 or unset when 'page' is 0.");
    return { page: 0, pageSize: 0 };
  }
  if (pageSize === 0) throw new AppError(400, BAD_PAGE_SIZE);
  return { page: page ?? 1, pageSize: pageSize ?? 10 };
}

/** Number of rows in memory at a time. A row may have up to 900 KB; most have a few. */
const CHUNK = 50;

export interface Found {
  /** Current version of the stack. */
  latestVersion: number;
  /** Number of all entries; 0 unless `counted` is set. */
  total: number;
  rows: AsyncGenerator<UpdateRow>;
}

/** Finds entries. Their rows are read in chunks on demand. @throws 404 before the first row is returned */
export async function findEntries(ctx: OrgContext, path: StackPath, entries: Entries, { page, pageSize }: Paging): Promise<Found> {
  const here = stackAt(ctx.org.id, path);
  const mine = and(sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`, entries.where);
  const limit = page === 0 ? Infinity : pageSize;
  const { db } = ctx.store;
  const [stack, first, counted] = await guarded(ctx, [
    db.select({ version: stacks.version }).from(stacks).where(here),
    chunk(ctx, mine, entries, limit).offset(page === 0 ? 0 : Math.min((page - 1) * pageSize, Number.MAX_SAFE_INTEGER)),
    db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(updates)
      .where(entries.counted ? mine : sql`0`),
  ]);
  if (!stack[0]) throw stackNotFound(path);
  return { latestVersion: stack[0].version, total: counted[0]?.total ?? 0, rows: onwards(ctx, mine, entries, limit, first) };
}

async function* onwards(
  ctx: OrgContext,
  mine: SQL | undefined,
  entries: Entries,
  limit: number,
  first: UpdateRow[],
): AsyncGenerator<UpdateRow> {
  let left = limit;
  for (let rows = first; ;) {
    yield* rows;
    left -= rows.length;
    const last = rows.at(-1);
    if (!last || rows.length < CHUNK || left === 0) return;
    [rows] = await batch(ctx.store, [chunk(ctx, and(mine, beyond(last, entries)), entries, left)]);
  }
}

/** SQL for the requester's name. The row of a machine has the token's name, and there is no row in `users`. */
const requesterName = sql<string>`coalesce((SELECT users.name FROM users WHERE updates.token_name = ''
  AND lower(users.login) = lower(updates.requested_by)), updates.requested_by)`.as("requester_name");

const chunk = (ctx: OrgContext, where: SQL | undefined, { by, ascending }: Entries, limit: number) => {
  const order = ascending ? asc : desc;
  const columns = by === "version" ? [updates.version] : [updates.startedAt, updates.id];
  return ctx.store.db
    .select({ ...getTableColumns(updates), requesterName })
    .from(updates)
    .where(where)
    .orderBy(...columns.map((column) => order(column)))
    .limit(Math.min(limit, CHUNK));
};

/** Condition for the rows after a given row, in the list's order. Rows that are added meanwhile do not change it. */
function beyond(last: UpdateRow, { by, ascending }: Entries): SQL {
  const comes = ascending ? sql`>` : sql`<`;
  if (by === "version") return sql`${updates.version} ${comes} ${last.version}`;
  return sql`(${updates.startedAt}, ${updates.id}) ${comes} (${last.startedAt}, ${last.id})`;
}

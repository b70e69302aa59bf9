import { type SQL, and, asc, desc, getTableColumns, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { UpdateRow } from "./info.ts";
import { updates } from "../updates/table.ts";

/** Which entries of a stack's history, and in what order. Each has an index of its own, see `table.ts`. */
export interface Entries {
  /** Condition besides the stack. */
  where: SQL | undefined;
  /** By `version` where each version is there once, else by `start`. */
  by: "version" | "start";
  ascending?: boolean;
  /** Count them all, for `total`. */
  counted?: true;
}

/** All updates; previews are not among them. */
export const realUpdates = sql`${updates.dryRun} = 0 AND ${updates.version} IS NOT NULL`;

/** Pages begin with 1; page 0 is everything (the public contract's rule). */
export interface Paging {
  page: number;
  pageSize: number;
}

const BAD_PAGE = "Invalid 'page' value. Must be >= 0.";
const BAD_PAGE_SIZE = "Invalid 'pageSize' value. Must be >= 1.";
/** There is no largest number: a page behind the last one is empty. */
const count = (message: string) =>
  z.pipe(
    z.coerce.number(message).check(z.refine((value) => Number.isInteger(value) && value >= 0, message)),
    z.transform((value) => Math.min(value, Number.MAX_SAFE_INTEGER)),
  );
export const pagingQuery = z.object({ page: z.optional(count(BAD_PAGE)), pageSize: z.optional(count(BAD_PAGE_SIZE)) });

/** Neither said: everything, as older clients expect. Only a size: the first page of it. */
export function pagingOf({ page, pageSize }: z.infer<typeof pagingQuery>): Paging {
  if (page === undefined && !pageSize) return { page: 0, pageSize: 0 };
  if (page === 0) {
    if (pageSize) throw new AppError(400, "Invalid 'pageSize' value. Must be 0 or unset when 'page' is 0.");
    return { page: 0, pageSize: 0 };
  }
  if (pageSize === 0) throw new AppError(400, BAD_PAGE_SIZE);
  return { page: page ?? 1, pageSize: pageSize ?? 10 };
}

/** Rows in memory at a time; one may have up to 900 KB, most have a few. */
const CHUNK = 50;

export interface Found {
  /** Version of the stack. */
  latestVersion: number;
  /** How many there are in all, when that was asked. */
  total: number;
  rows: AsyncGenerator<UpdateRow>;
}

/** Finds entries, and reads them as they are asked for. @throws 404 before any is read */
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

/** A machine has a token's name in its row, and no row in `users`. */
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

/** What comes after a row in the list's order, whatever was added meanwhile. */
function beyond(last: UpdateRow, { by, ascending }: Entries): SQL {
  const comes = ascending ? sql`>` : sql`<`;
  if (by === "version") return sql`${updates.version} ${comes} ${last.version}`;
  return sql`(${updates.startedAt}, ${updates.id}) ${comes} (${last.startedAt}, ${last.id})`;
}

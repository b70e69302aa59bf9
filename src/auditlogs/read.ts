import { type SQL, and, desc, eq, getTableColumns, sql } from "drizzle-orm";
import { unionAll } from "drizzle-orm/sqlite-core";
import * as z from "zod/mini";
import { type Archive, readArchive } from "../audit/archived.ts";
import { type ChainRecord, recordOf } from "../audit/chain.ts";
import { recordsFrom, selectFrom } from "../audit/fromChain.ts";
import { auditArchives, auditEvents, auditHeads } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { AppError, notFound } from "../errors.ts";
import { type AuditFilter, type TokenColumn, matchText, matches, tokenId, whereFilter } from "./filter.ts";

/** Time and id of the last event returned; for a search, its row. */
export const AuditCursor = z.union([z.tuple([z.number(), z.string()]), z.tuple([z.number()])]);
export type AuditCursor = z.infer<typeof AuditCursor>;

export type AuditRow = typeof auditEvents.$inferSelect & { row: number };

const columns = { ...getTableColumns(auditEvents), row: sql<number>`audit_events.rowid`.as("row_number") };

/**
 * One page of the table, newest first. A search for words reads the index of words instead, latest written first.
 * @param size rows; one row more is read, to see whether there is a next page
 * @throws 404 for a user filter whose name belongs to no member and to nobody who ever acted in the organization. There is no such error if
 * records were archived, because archived records are not searched
 */
export async function readPage(ctx: OrgContext, filter: AuditFilter, size: number, after: AuditCursor | undefined) {
  if (after && (after.length === 1) !== Boolean(filter.text)) throw new AppError(400, "Invalid continuationToken or maxResults value.");
  const { db } = ctx.store;
  const older = after?.length === 2 ? sql`(${auditEvents.at}, ${auditEvents.id}) < (${after[0]}, ${after[1]})` : undefined;
  const walk = (tokenColumn?: TokenColumn) =>
    db
      .select(columns)
      .from(auditEvents)
      .where(and(whereFilter(ctx.org.id, filter, tokenColumn), older));
  const newestFirst = [desc(auditEvents.at), desc(auditEvents.id)];
  const rowsFrom = filter.text
    ? db
        .select(columns)
        .from(auditEvents)
        .innerJoin(sql`audit_text`, sql`audit_events.rowid = audit_text.rowid`)
        .where(
          and(
            sql`audit_text MATCH ${matchText(ctx.org.id, filter.text)}`,
            after && sql`audit_text.rowid < ${after[0]}`,
            amongRowsOf(ctx.org.id, filter),
            whereFilter(ctx.org.id, filter),
          ),
        )
        .orderBy(sql`audit_text.rowid DESC`)
        .limit(size + 1)
    : filter.token
      ? // Two scans of indexes, which are merged while they are read.
        unionAll(walk("token_id"), walk("opened_with"))
          .orderBy(...newestFirst)
          .limit(size + 1)
      : walk()
          .orderBy(...newestFirst)
          .limit(size + 1);
  const [rows, heads, known] = await guarded(ctx, [
    rowsFrom,
    db.select({ archivedSeq: auditHeads.archivedSeq }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
    db
      .select({
        known: isKnown(ctx, filter.user ?? "").as("known"),
        token: (filter.token ? tokenId(ctx.org.id, filter.token) : sql<string | null>`NULL`).as("token"),
      })
      .from(sql`(SELECT 1)`),
  ]);
  const archivedSeq = heads[0]?.archivedSeq ?? 0;
  if (filter.user && rows.length === 0 && archivedSeq === 0 && !known[0]?.known) throw notFound(`User '${filter.user.slice(0, 100)}'`);
  return { rows: rows as AuditRow[], archivedSeq, token: filter.token && (known[0]?.token ?? filter.token) };
}

/** Number of events that are looked at to find the rows of a period. */
const MOST_IN_PERIOD = 10_000;

/**
 * SQL condition: the row of the index of words is between the first and the last row of a period. A search for words reads rows in the
 * order in which they were written, so without it a search with few matches in the period would read all matches before it and after it. An
 * event may be written long after it happened, so the place of a row does not follow from its time: the first and the last row are looked
 * up. With more than `most` rows, the condition always holds.
 */
export function amongRowsOf(orgId: string, { from, until }: Pick<AuditFilter, "from" | "until">, most = MOST_IN_PERIOD): SQL | undefined {
  const since = from === undefined ? undefined : sql`at >= ${from}`;
  const before = until === undefined ? undefined : sql`at < ${until}`;
  const rows = sql`(SELECT rowid AS number FROM audit_events WHERE ${and(sql`org_id = ${orgId}`, since, before)} ORDER BY at LIMIT ${most + 1})`;
  const least = sql`(SELECT iif(count(*) > ${most}, 0, coalesce(min(number), 9223372036854775807)) FROM ${rows})`;
  const greatest = sql`(SELECT iif(count(*) > ${most}, 9223372036854775807, coalesce(max(number), 0)) FROM ${rows})`;
  return and(since && sql`audit_text.rowid >= ${least}`, before && sql`audit_text.rowid <= ${greatest}`);
}

/** The cursor after this row. */
export const cursorAfter = (row: AuditRow, filter: AuditFilter): AuditCursor => (filter.text ? [row.row] : [row.at, row.id]);

const isKnown = (ctx: OrgContext, login: string): SQL<number> => sql<number>`(
  ${login} = ${ctx.org.name}
  OR EXISTS (SELECT 1 FROM audit_events WHERE org_id = ${ctx.org.id} AND user_login = ${login})
  OR EXISTS (SELECT 1 FROM members WHERE org_id = ${ctx.org.id} AND user_id = (SELECT id FROM users WHERE lower(login) = lower(${login}))))`;

function toRecord(read: AuditRow): ChainRecord {
  const { row: _, ...event } = read;
  return recordOf(event);
}

/** Number of rows on one page of an export. */
export const EXPORT_PAGE = 500;

/**
 * All records that match the filter, newest first: the table, then the archive. Only one page or one archived object is in memory. If
 * records are archived meanwhile, each is still read once.
 * @param first the first page, which is read before the answer starts
 */
export async function* readAll(
  ctx: OrgContext,
  filter: AuditFilter,
  first: Awaited<ReturnType<typeof readPage>>,
): AsyncGenerator<ChainRecord[]> {
  /** Records that were archived meanwhile: they are up to `seq`, come after `key` in the list, and were not yet read. */
  const moved: { seq: number; row: AuditRow | undefined }[] = [];
  let archivedSeq = first.archivedSeq;
  let last: AuditRow | undefined;
  for (let page = first; ; page = await readPage(ctx, filter, EXPORT_PAGE, last && cursorAfter(last, filter))) {
    if (page.archivedSeq > archivedSeq) moved.push({ seq: page.archivedSeq, row: last });
    archivedSeq = page.archivedSeq;
    yield page.rows.map(toRecord);
    last = page.rows.at(-1) ?? last;
    if (page.rows.length <= EXPORT_PAGE) break;
  }
  const behind = (record: ChainRecord) => {
    if (record.seq <= first.archivedSeq) return true;
    const row = moved.find(({ seq }) => record.seq <= seq)?.row;
    const [at, id] = [Number(record["at"]), String(record["id"])];
    if (!row) return true;
    return filter.text ? record.seq < row.seq! : at < row.at || (at === row.at && id < row.id);
  };
  for await (const archive of archivesBackward(ctx, filter)) {
    const records = (await readArchive(ctx.env.STATE, archive)).filter((record) => behind(record) && matches(record, filter));
    yield records.sort((a, b) => Number(b["at"]) - Number(a["at"]) || (String(a["id"]) < String(b["id"]) ? 1 : -1));
  }
}

async function* archivesBackward(ctx: OrgContext, filter: AuditFilter): AsyncGenerator<Archive> {
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const [archives] = await guarded(ctx, [
      ctx.store.db
        .select()
        .from(auditArchives)
        .where(
          and(
            eq(auditArchives.orgId, ctx.org.id),
            sql`${auditArchives.firstSeq} < ${before}`,
            filter.from === undefined ? undefined : sql`${auditArchives.lastAt} >= ${filter.from}`,
            filter.until === undefined ? undefined : sql`${auditArchives.firstAt} < ${filter.until}`,
          ),
        )
        .orderBy(desc(auditArchives.firstSeq))
        .limit(1),
    ]);
    const archive = archives[0];
    if (!archive) return;
    yield archive;
    before = archive.firstSeq;
  }
}

/**
 * The chain from a sequence number on, in its own order, across archive and table.
 * @returns at most `size` records, or the records of one archived object; none at the end
 */
export async function readChain(ctx: OrgContext, from: number, size: number): Promise<ChainRecord[]> {
  const [archives, rows] = await guarded(ctx, selectFrom(ctx.store, ctx.org.id, from, size));
  return recordsFrom(ctx.env.STATE, archives, rows, from);
}

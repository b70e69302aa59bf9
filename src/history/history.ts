import { type SQL, and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { listed, streamOf } from "../http/stream.ts";
import { type StackPath, pathText, stackAt } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { type Entries, type Found, type Paging, findEntries, realUpdates } from "./entries.ts";
import { withConfig } from "../updates/config.ts";
import { type FullRow, type UpdateRow, toStackUpdate, toUpdateInfo } from "./info.ts";
import { updates } from "../updates/table.ts";

const history: Entries = { where: realUpdates, by: "version" };

/** The updates of a stack, newest first, without previews (cli-protocol §5.1). */
export async function listUpdates(ctx: OrgContext, path: StackPath, paging: Paging): Promise<Response> {
  const { rows } = await findEntries(ctx, path, history, paging);
  return streamOf(list(ctx, '{"updates":[', rows, toUpdateInfo, "]}"));
}

/** The rows of the newest updates, without previews. */
export const findUpdates = (ctx: OrgContext, path: StackPath, count: number): Promise<Found> =>
  findEntries(ctx, path, history, { page: 1, pageSize: count });

/** The updates of a stack for requests with `output-type`: with ids and the total number. */
export async function listStackUpdates(ctx: OrgContext, path: StackPath, paging: Paging): Promise<Response> {
  return answerPage(ctx, await findEntries(ctx, path, { ...history, counted: true }, paging), paging);
}

/**
 * The previews that ran against version `version` of the stack, which was the newest when they started. The previews of the latest version
 * are those since the last update.
 */
export async function listPreviews(
  ctx: OrgContext,
  path: StackPath,
  version: number | "latest",
  ascending: boolean,
  paging: Paging,
): Promise<Response> {
  const at = version === "latest" ? sql`(SELECT version FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})` : sql`${version}`;
  const where = and(previews, sql`${updates.version} = ${at}`);
  return answerPage(ctx, await findEntries(ctx, path, { where, by: "start", ascending, counted: true }, paging), paging);
}

const previews = sql`${updates.dryRun} = 1 AND ${updates.startedAt} IS NOT NULL`;

/** All updates and previews that were started on a stack, newest first. */
export async function listActivity(ctx: OrgContext, path: StackPath, paging: Paging): Promise<Response> {
  const found = await findActivity(ctx, path, paging);
  const item = (row: FullRow) => ({ update: toStackUpdate(row, found.latestVersion) });
  return streamOf(list(ctx, `${pageHead(found, paging)}"activity":[`, found.rows, item, "]}"));
}

/** The rows of `listActivity`. */
export const findActivity = (ctx: OrgContext, path: StackPath, paging: Paging): Promise<Found> =>
  findEntries(
    ctx,
    path,
    { where: sql`${updates.startedAt} IS NOT NULL AND ${updates.version} IS NOT NULL`, by: "start", counted: true },
    paging,
  );

const answerPage = (ctx: OrgContext, found: Found, paging: Paging) =>
  streamOf(list(ctx, `${pageHead(found, paging)}"updates":[`, found.rows, (row) => toStackUpdate(row, found.latestVersion), "]}"));

const pageHead = ({ total }: Found, { page, pageSize }: Paging) => `{"itemsPerPage":${page === 0 ? total : pageSize},"total":${total},`;

/** Writes rows as JSON. Only one configuration that is stored in R2 is in memory at a time. */
async function* list(
  { env }: OrgContext,
  head: string,
  rows: AsyncIterable<UpdateRow>,
  item: (row: FullRow) => unknown,
  tail: string,
): AsyncGenerator<string> {
  async function* texts() {
    for await (const row of rows) yield JSON.stringify(item(await withConfig(env.STATE, row)));
  }
  yield head;
  yield* listed(texts());
  yield tail;
}

/** @throws 404, which the CLI reads as "no previous deployment" when it asked for the latest */
export async function getUpdate(ctx: OrgContext, path: StackPath, version: number | "latest") {
  const where = version === "latest" ? realUpdates : and(realUpdates, eq(updates.version, version));
  const { rows, latestVersion } = await findEntries(ctx, path, { where, by: "version" }, { page: 1, pageSize: 1 });
  const { value: row } = await rows.next();
  if (!row)
    throw notFound(version === "latest" ? `Update of stack '${pathText(path)}'` : `Version ${version} of stack '${pathText(path)}'`);
  return { row: await withConfig(ctx.env.STATE, row), latestVersion };
}

export const getPreview = (ctx: OrgContext, path: StackPath, updateId: string) => find(ctx, path, updateId, eq(updates.dryRun, true));

/** An update or a preview. */
export const getUpdateById = async (ctx: OrgContext, path: StackPath, updateId: string) => (await find(ctx, path, updateId)).row;

async function find(ctx: OrgContext, path: StackPath, updateId: string, kind?: SQL) {
  const where = and(eq(updates.id, updateId), kind);
  const { rows, latestVersion } = await findEntries(ctx, path, { where, by: "start" }, { page: 1, pageSize: 1 });
  const { value: row } = await rows.next();
  if (!row) throw notFound(`Update '${updateId.slice(0, 100)}'`);
  return { row: await withConfig(ctx.env.STATE, row), latestVersion };
}

/** Maximum number of previews shown with an update. `listPreviews` returns all of them in pages. */
const TRIED = 100;

/**
 * An update and the previews that ran against the version before it, newest first. This service does not know which of them belong
 * together, for example to one pull request, so `collatedUpdateEvents` is empty.
 */
export async function getTimeline(ctx: OrgContext, path: StackPath, version: number | "latest"): Promise<Response> {
  const { row, latestVersion } = await getUpdate(ctx, path, version);
  const where = and(previews, eq(updates.version, (row.version ?? 0) - 1));
  const { rows } = await findEntries(ctx, path, { where, by: "start" }, { page: 1, pageSize: TRIED });
  const head = `{"update":${JSON.stringify(toStackUpdate(row, latestVersion))},"collatedUpdateEvents":[],"previews":[`;
  return streamOf(list(ctx, head, rows, (preview) => toStackUpdate(preview, latestVersion), "]}"));
}

/** Status of one update of any kind. Imports are complete when they answer, so a client need not poll this (cli-protocol §4.12). */
export async function getUpdateStatus(ctx: OrgContext, path: StackPath, updateId: string) {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ status: updates.status })
      .from(updates)
      .where(and(eq(updates.id, updateId), sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`)),
  ]);
  const row = rows[0];
  if (!row) throw notFound(`Update '${updateId.slice(0, 100)}'`);
  return { status: row.status, events: [] };
}

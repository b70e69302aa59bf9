import type { OrgContext } from "../context.ts";
import { fromCursor, toCursor } from "../http/pagination.ts";
import type { AuditFilter } from "./filter.ts";
import { AuditCursor, type AuditRow, cursorAfter, readPage } from "./read.ts";

const PAGE_SIZE = 100;

export interface AuditQuery extends AuditFilter {
  size?: number | undefined;
  continuationToken?: string | undefined;
}

/**
 * The log, newest first. The cursor keeps pages stable while events arrive; filters are part of the query, so a page with a cursor is never
 * empty.
 * @throws 404 for a user filter whose name belongs to no member and to nobody who ever acted in the organization
 */
export async function listAuditEvents(ctx: OrgContext, query: AuditQuery) {
  const size = query.size ?? PAGE_SIZE;
  const { rows } = await readPage(ctx, query, size, fromCursor(query.continuationToken, AuditCursor));
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  return {
    auditLogEvents: shown.map(toWire),
    continuationToken: rows.length > size && last ? toCursor(cursorAfter(last, query)) : undefined,
  };
}

/** Omits false flags and empty names, as consumers expect (management-api §9.3). */
const toWire = (row: AuditRow) => ({
  timestamp: Math.floor(row.at / 1000),
  sourceIP: row.sourceIp,
  event: row.event,
  description: row.description,
  user: { githubLogin: row.userLogin, name: row.userName, avatarUrl: "" },
  tokenID: row.tokenId || undefined,
  tokenName: row.tokenName || undefined,
  reqOrgAdmin: row.reqOrgAdmin || undefined,
  reqStackAdmin: row.reqStackAdmin || undefined,
  authFailure: row.authFailure || undefined,
  id: row.id,
  sequence: row.seq ?? undefined,
  stack: row.stack || undefined,
  openedWith: row.openedWith || undefined,
});

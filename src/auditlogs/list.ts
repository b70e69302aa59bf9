import { and, desc, eq, gte, lt, sql } from "drizzle-orm";
import * as z from "zod";
import { auditEvents } from "../audit/table.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { members } from "../orgs/table.ts";
import { users } from "../users/table.ts";

const PAGE = 100;
const Key = z.tuple([z.number(), z.string()]);

/** Bounds in milliseconds: `from` inclusive, `until` exclusive. */
export interface AuditQuery {
  from?: number | undefined;
  until?: number | undefined;
  event?: string | undefined;
  user?: string | undefined;
  /** Id or name of a token. */
  token?: string | undefined;
  size?: number | undefined;
  continuationToken?: string | undefined;
}

/**
 * The log, newest first. Pages are stable while events arrive, and never empty with a cursor: filters are in the query.
 * @throws 404 for a user filter that names nobody who ever acted or belongs here
 */
export async function listAuditEvents(ctx: OrgContext, query: AuditQuery) {
  const after = fromCursor(query.continuationToken, Key);
  const size = query.size ?? PAGE;
  const { db } = ctx.store;
  const user = query.user ?? "";
  const [, rows, known] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db
      .select()
      .from(auditEvents)
      .where(
        and(
          eq(auditEvents.orgId, ctx.org.id),
          query.from === undefined ? undefined : gte(auditEvents.at, query.from),
          query.until === undefined ? undefined : lt(auditEvents.at, query.until),
          query.event ? eq(auditEvents.event, query.event) : undefined,
          user ? eq(auditEvents.userLogin, user) : undefined,
          query.token ? sql`(${auditEvents.tokenId} = ${query.token} OR ${auditEvents.tokenName} = ${query.token})` : undefined,
          after && sql`(${auditEvents.at}, ${auditEvents.id}) < (${after[0]}, ${after[1]})`,
        ),
      )
      .orderBy(desc(auditEvents.at), desc(auditEvents.id))
      .limit(size + 1),
    db
      .select({ login: users.login })
      .from(users)
      .where(
        sql`${users.login} = ${user} AND EXISTS (SELECT 1 FROM ${members} WHERE ${members.orgId} = ${ctx.org.id} AND ${members.userId} = ${users.id})`,
      ),
  ]);
  if (user && rows.length === 0 && known.length === 0 && user !== ctx.org.name) throw notFound(`User '${user.slice(0, 100)}'`);
  const { items, continuationToken } = page(rows, size, (row) => [row.at, row.id]);
  return { auditLogEvents: items.map(toWire), continuationToken };
}

/** Flags that are false and names that are empty are left out, as consumers expect (management-api §9.3). */
const toWire = (row: typeof auditEvents.$inferSelect) => ({
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
});

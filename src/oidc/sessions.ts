import { type SQL, and, desc, eq, gt, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, describedBy, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { cursor } from "../http/bounded.ts";
import { fromCursor, maxResults, page } from "../http/pagination.ts";
import { type TokenRow, toAccessToken, visibleColumns } from "../tokens/accessToken.ts";
import { accessTokens } from "../tokens/table.ts";
import { afterSessions, endSessions } from "./endSessions.ts";
import { readIssuer, thatIssuer } from "./issuer.ts";
import type { ListSessionsResponse, Session } from "./openapi.ts";
import { LONGEST } from "./schema.ts";
import { oidcIssuers } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.number(), z.string()]);

export const ListSessionsQuery = z.object({ maxResults, continuationToken: cursor });

/** The exchanged tokens of an issuer that are valid, newest first. @throws 404 */
export async function listSessions(
  ctx: OrgContext,
  issuerId: string,
  query: z.infer<typeof ListSessionsQuery>,
): Promise<ListSessionsResponse> {
  const after = fromCursor(query.continuationToken, Key);
  const size = query.maxResults ?? PAGE_SIZE;
  const [issuers, rows] = await guarded(ctx, [
    issuerQuery(ctx, issuerId),
    sessionsQuery(ctx, issuerId, after && sql`(${accessTokens.createdAt}, ${accessTokens.id}) < (${after[0]}, ${after[1]})`)
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(size + 1),
  ]);
  if (!issuers[0]) throw notFound("OIDC issuer");
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.id]);
  return { sessions: items.map((row) => toSession(row, ctx.now)), continuationToken };
}

/** A valid exchanged token of an issuer. @throws 404, also for one that has ended */
export async function getSession(ctx: OrgContext, issuerId: string, tokenId: string): Promise<Session> {
  const [issuers, rows] = await guarded(ctx, [
    issuerQuery(ctx, issuerId),
    sessionsQuery(ctx, issuerId, eq(accessTokens.id, tokenId)).limit(1),
  ]);
  if (!issuers[0] || !rows[0]) throw notFound("Session");
  return toSession(rows[0], ctx.now);
}

/** The number of valid exchanged tokens of an issuer. */
export async function countSessions(ctx: OrgContext, issuerId: string): Promise<number> {
  const { db } = ctx.store;
  const [rows] = await guarded(ctx, [
    db
      .select({ count: sql<number>`count(*)`.as("count") })
      .from(accessTokens)
      .where(areSessions(ctx, issuerId)),
  ]);
  return rows[0]!.count;
}

const issuerQuery = (ctx: OrgContext, issuerId: string) =>
  ctx.store.db.select({ id: oidcIssuers.id }).from(oidcIssuers).where(thatIssuer(ctx, issuerId));

const areSessions = (ctx: OrgContext, issuerId: string, which?: SQL) =>
  and(
    eq(accessTokens.issuerId, issuerId),
    lives(ctx.now),
    // Older ones have ended: the query need not read them.
    gt(accessTokens.createdAt, ctx.now - LONGEST * 1000),
    which,
  );

const sessionsQuery = (ctx: OrgContext, issuerId: string, which: SQL | undefined) =>
  ctx.store.db
    .select({
      ...visibleColumns,
      userLogin: sql<string | null>`(SELECT login FROM users WHERE users.id = access_tokens.user_id)`.as("user_login"),
    })
    .from(accessTokens)
    .where(areSessions(ctx, issuerId, which));

const toSession = (row: TokenRow & { userLogin: string | null }, now: number): Session => ({
  ...toAccessToken(row, now),
  ...(row.description && { run: row.description }),
  ...(row.team !== null && { team: row.team }),
  ...(row.userLogin !== null && { userLogin: row.userLogin }),
});

/** Ends one exchanged token at once. It may be ended again. @throws 404 for an id that belongs to no token of this issuer */
export async function endSession(ctx: OrgContext, issuerId: string, tokenId: string): Promise<void> {
  const { db } = ctx.store;
  const one = sql`access_tokens.id = ${tokenId} AND access_tokens.issuer_id = (SELECT id FROM oidc_issuers WHERE id = ${issuerId} AND org_id = ${ctx.org.id})`;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "oidc-session-ended", description: "" });
  const described = sql`(SELECT 'Ended the exchanged ' || kind || ' token "' || name || '" (' || id || ').' FROM access_tokens WHERE id = ${tokenId})`;
  const { statements, removal } = endSessions(ctx, issuerId, one);
  const [found, , tokens, , lost] = await guarded(ctx, [
    db.select({ id: accessTokens.id }).from(accessTokens).where(one),
    auditIf(ctx.store, event, sql`EXISTS (SELECT 1 FROM access_tokens WHERE ${one} AND deleted_at IS NULL)`, describedBy(event, described)),
    ...statements,
  ]);
  if (!found[0]) throw notFound("Session");
  await afterSessions(ctx, tokens, lost);
  relaySoon(ctx, event, removal);
}

/** Ends all exchanged tokens of an issuer at once. Its settings and its policy stay. @throws 404 */
export async function endAllSessions(ctx: OrgContext, issuerId: string): Promise<void> {
  const { id, name } = await readIssuer(ctx, issuerId);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "oidc-session-ended",
    description: `Ended all exchanged tokens of the identity provider "${name}" (${id}).`,
  });
  const { statements, removal } = endSessions(ctx, id, undefined);
  const isAny = sql`EXISTS (SELECT 1 FROM access_tokens WHERE issuer_id = ${id} AND deleted_at IS NULL)`;
  const [, tokens, , lost] = await guarded(ctx, [auditIf(ctx.store, event, isAny), ...statements]);
  await afterSessions(ctx, tokens, lost);
  relaySoon(ctx, event, removal);
}

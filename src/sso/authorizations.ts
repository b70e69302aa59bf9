import { type SQL, and, desc, eq, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guard, guarded } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext, PersonContext } from "../context.ts";
import { batch, failUnless } from "../db/client.ts";
import { badRequest, notFound } from "../errors.ts";
import { cursor } from "../http/bounded.ts";
import { fromCursor, maxResults, page } from "../http/pagination.ts";
import { unauthorize } from "./identities.ts";
import type { ListTokenAuthorizationsResponse } from "./openapi.ts";
import { identityOf } from "../tokens/create.ts";
import { accessTokens } from "../tokens/table.ts";
import { tokenAuthorizations } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.number(), z.string()]);

export const ListAuthorizationsQuery = z.object({ maxResults, continuationToken: cursor });

/** The personal tokens that their owners authorized for the organization, the newest authorization first. */
export async function listAuthorizations(
  ctx: OrgContext,
  query: z.infer<typeof ListAuthorizationsQuery>,
): Promise<ListTokenAuthorizationsResponse> {
  const after = fromCursor(query.continuationToken, Key);
  const size = query.maxResults ?? PAGE_SIZE;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        tokenId: tokenAuthorizations.tokenId,
        createdAt: tokenAuthorizations.createdAt,
        description: sql<string>`(SELECT description FROM access_tokens WHERE access_tokens.id = token_authorizations.token_id)`.as(
          "token_description",
        ),
        login:
          sql<string>`(SELECT login FROM users JOIN access_tokens ON access_tokens.user_id = users.id WHERE access_tokens.id = token_authorizations.token_id)`.as(
            "person_login",
          ),
        lastSignInAt: sql<number>`(SELECT last_sign_in_at FROM identities WHERE identities.id = token_authorizations.identity_id)`.as(
          "signed_in",
        ),
      })
      .from(tokenAuthorizations)
      .where(
        and(
          eq(tokenAuthorizations.orgId, ctx.org.id),
          sql`EXISTS (SELECT 1 FROM access_tokens WHERE access_tokens.id = token_authorizations.token_id AND deleted_at IS NULL)`,
          after && sql`(${tokenAuthorizations.createdAt}, ${tokenAuthorizations.tokenId}) < (${after[0]}, ${after[1]})`,
        ),
      )
      .orderBy(desc(tokenAuthorizations.createdAt), desc(tokenAuthorizations.tokenId))
      .limit(size + 1),
  ]);
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.tokenId]);
  return {
    authorizations: items.map(({ tokenId, createdAt, description, login, lastSignInAt }) => ({
      tokenId,
      userLogin: login,
      description,
      authorized: new Date(createdAt).toISOString(),
      lastSignIn: new Date(lastSignInAt).toISOString(),
    })),
    continuationToken,
  };
}

/** Removes an authorization: no later write of the token is accepted in the organization. @throws 404 */
export async function removeAuthorization(ctx: OrgContext, tokenId: string): Promise<void> {
  const which: SQL = and(eq(tokenAuthorizations.tokenId, tokenId), eq(tokenAuthorizations.orgId, ctx.org.id))!;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "sso-token-authorization-removed",
    description: `Removed the authorization of a personal token (${tokenId.slice(0, 100)}).`,
  });
  const { db } = ctx.store;
  const [found] = await guarded(ctx, [db.select({ tokenId: tokenAuthorizations.tokenId }).from(tokenAuthorizations).where(which)]);
  if (!found[0]) throw notFound("Authorization");
  const [lost] = await guarded(ctx, [
    unauthorize(ctx, sql`token_id = ${tokenId} AND org_id = ${ctx.org.id}`),
    db.delete(tokenAuthorizations).where(which),
    auditStatement(ctx.store, event),
  ]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    lost.map(({ hash }) => hash),
  );
  await ctx.tokensEnded({ tokenIds: [tokenId], orgId: ctx.org.id });
  relaySoon(ctx, event);
}

/** A personal token of the caller, and whether the organization of the session accepts it. */
export interface OwnToken {
  id: string;
  description: string;
  isAuthorized: boolean;
}

const MOST_OWN = 200;

/** SQL condition on a row of `access_tokens`: a personal token of the caller that is valid in all organizations. */
const isOwn = ({ actor }: PersonContext) =>
  sql`access_tokens.user_id = ${actor.user.id} AND access_tokens.kind = 'personal' AND access_tokens.only_org_id IS NULL AND access_tokens.issuer_id IS NULL AND access_tokens.deleted_at IS NULL`;

/** The organization of a session that its identity provider opened. @throws 400 in another session */
function orgOfSession({ actor }: PersonContext): string {
  if (actor.limits.onlyOrgId === null) throw badRequest("sign in through the identity provider of the organization first");
  return actor.limits.onlyOrgId;
}

export async function listOwnTokens(ctx: PersonContext): Promise<OwnToken[]> {
  const orgId = orgOfSession(ctx);
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, orgId),
    ctx.store.db
      .select({
        id: accessTokens.id,
        description: accessTokens.description,
        isAuthorized: sql<number>`EXISTS (SELECT 1 FROM token_authorizations WHERE token_id = access_tokens.id AND org_id = ${orgId})`.as(
          "is_authorized",
        ),
      })
      .from(accessTokens)
      .where(and(isOwn(ctx), sql`(expires_at IS NULL OR expires_at > ${ctx.now})`))
      .orderBy(desc(accessTokens.createdAt))
      .limit(MOST_OWN),
  ]);
  return rows.map(({ id, description, isAuthorized }) => ({ id, description, isAuthorized: isAuthorized === 1 }));
}

/**
 * Authorizes one of the caller's personal tokens for the organization whose identity provider opened the session. It gives the token nothing anywhere else.
 * @throws 404 for a token that does not belong to the caller
 */
export async function authorizeToken(ctx: PersonContext, tokenId: string): Promise<void> {
  const orgId = orgOfSession(ctx);
  const identityId = identityOf(ctx.actor);
  const event = auditEvent(ctx, orgId, whoIs(ctx.actor), {
    event: "sso-token-authorized",
    description: `Authorized a personal token (${tokenId.slice(0, 100)}).`,
  });
  const { db } = ctx.store;
  const own = and(eq(accessTokens.id, tokenId), isOwn(ctx));
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, orgId),
    db.select({ hash: accessTokens.hash }).from(accessTokens).where(own),
  ]);
  if (!found[0]) throw notFound("Token");
  await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, orgId),
    db
      .select({ holds: failUnless(sql`EXISTS (SELECT 1 FROM access_tokens WHERE ${own} AND ${identityId} IS NOT NULL)`) })
      .from(sql`(SELECT 1)`),
    db
      .insert(tokenAuthorizations)
      .values({ tokenId, orgId, identityId: identityId as SQL<string>, createdAt: ctx.now })
      .onConflictDoUpdate({
        target: [tokenAuthorizations.tokenId, tokenAuthorizations.orgId],
        set: { identityId: sql`excluded.identity_id`, createdAt: ctx.now },
      }),
    auditStatement(ctx.store, event),
  ]);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [found[0].hash]);
  relaySoon(ctx, event);
}

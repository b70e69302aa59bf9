import { type SQL, and, desc, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { cursor } from "../http/bounded.ts";
import { fromCursor, maxResults, page } from "../http/pagination.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import type { ListIdentitiesResponse } from "./openapi.ts";
import { connections, identities, tokenAuthorizations } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.number(), z.string()]);

export const ListIdentitiesQuery = z.object({ maxResults, continuationToken: cursor });

/** The identities of the organization's people, the newest first. */
export async function listIdentities(ctx: OrgContext, query: z.infer<typeof ListIdentitiesQuery>): Promise<ListIdentitiesResponse> {
  const after = fromCursor(query.continuationToken, Key);
  const size = query.maxResults ?? PAGE_SIZE;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        id: sql<string>`identities.id`.as("identity_id"),
        connection: connections.name,
        subject: identities.subject,
        email: sql<string>`identities.email`.as("identity_email"),
        createdAt: sql<number>`identities.created_at`.as("identity_created"),
        lastSignInAt: identities.lastSignInAt,
        login: users.login,
      })
      .from(identities)
      .innerJoin(users, eq(users.id, identities.userId))
      .innerJoin(connections, eq(connections.id, identities.connectionId))
      .where(and(eq(identities.orgId, ctx.org.id), after && sql`(${identities.createdAt}, ${identities.id}) < (${after[0]}, ${after[1]})`))
      .orderBy(desc(identities.createdAt), desc(identities.id))
      .limit(size + 1),
  ]);
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.id]);
  return {
    identities: items.map(({ id, connection, subject, email, createdAt, lastSignInAt, login }) => ({
      id,
      connection,
      subject,
      ...(email && { email }),
      userLogin: login,
      created: new Date(createdAt).toISOString(),
      lastSignIn: new Date(lastSignInAt).toISOString(),
    })),
    continuationToken,
  };
}

/**
 * Removes an identity: its sessions and the personal tokens that it opened end, and the person's other tokens lose their authorization. The next sign-in of
 * the person is a first one again. @throws 404
 */
export async function removeIdentity(ctx: OrgContext, id: string): Promise<void> {
  const which = and(eq(identities.id, id), eq(identities.orgId, ctx.org.id))!;
  const { db } = ctx.store;
  const [found] = await guarded(ctx, [
    db
      .select({
        subject: identities.subject,
        login: sql<string>`(SELECT login FROM users WHERE users.id = identities.user_id)`.as("person_login"),
      })
      .from(identities)
      .where(which),
  ]);
  if (!found[0]) throw notFound("Identity");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "identity-removed",
    description: `Removed the identity ${found[0].subject} of ${found[0].login} (${id}).`,
  });
  const [ended, lost] = await guarded(ctx, [
    endOpened(ctx, which),
    unauthorize(ctx, sql`identity_id = ${id}`),
    db.delete(tokenAuthorizations).where(eq(tokenAuthorizations.identityId, id)),
    db.delete(identities).where(which),
    auditStatement(ctx.store, event),
  ]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    [...ended, ...lost].map(({ hash }) => hash),
  );
  if (ended.length > 0) await ctx.tokensEnded({ tokenIds: ended.map((token) => token.id) });
  relaySoon(ctx, event);
}

/** A statement that ends the sessions and the personal tokens that identities opened. @param which SQL condition on a row of `identities` */
export const endOpened = (ctx: Pick<OrgContext, "store" | "now">, which: SQL) =>
  ctx.store.db
    .update(accessTokens)
    .set({ deletedAt: ctx.now })
    .where(and(isNull(accessTokens.deletedAt), sql`${accessTokens.identityId} IN (SELECT identities.id FROM identities WHERE ${which})`))
    .returning({ id: accessTokens.id, hash: accessTokens.hash });

/** A statement that makes guards notice that tokens lose their authorization. @param which SQL condition on a row of `token_authorizations` */
export const unauthorize = (ctx: Pick<OrgContext, "store">, which: SQL) =>
  ctx.store.db
    .update(accessTokens)
    .set({ version: sql`${accessTokens.version} + 1` })
    .where(sql`${accessTokens.id} IN (SELECT token_id FROM token_authorizations WHERE ${which})`)
    .returning({ hash: accessTokens.hash });

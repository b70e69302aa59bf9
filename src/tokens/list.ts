import { type SQL, and, desc, eq, getTableColumns, gt, isNull, lte, or, sql } from "drizzle-orm";
import * as z from "zod";
import { guard } from "../auth/guard.ts";
import type { ActorContext, OrgContext, UserActor } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { type ListTokensQuery, toAccessToken } from "./schema.ts";
import { accessTokens } from "./table.ts";

/** Every column but the hash, so that it cannot reach an answer by accident. */
const { hash: _hash, ...visible } = getTableColumns(accessTokens);

const Key = z.tuple([z.number(), z.string()]);

/** What the older Pulumi provider reads: one page, no paging, and it takes an expired token that is missing for a deleted one. */
const PROVIDER_DEFAULTS = { size: 1000, filter: "all" } as const;
const DEFAULTS = { size: 100, filter: "active" } as const;

type Query = z.infer<typeof ListTokensQuery>;

export const listOrgTokens = (ctx: OrgContext, query: Query, source: string | null) =>
  list(ctx, query, and(eq(accessTokens.orgId, ctx.org.id), eq(accessTokens.kind, "organization")), source, ctx.org.id);

export const listPersonalTokens = (ctx: ActorContext & { actor: UserActor }, query: Query, source: string | null) =>
  list(ctx, query, and(eq(accessTokens.userId, ctx.actor.user.id), eq(accessTokens.kind, "personal")), source);

/** Newest first. Deleted tokens are never listed; the audit log remembers them. */
async function list(ctx: ActorContext, query: Query, owner: SQL | undefined, source: string | null, orgId?: string) {
  const defaults = source === "provider" ? PROVIDER_DEFAULTS : DEFAULTS;
  const size = query.maxResults ?? defaults.size;
  const filter = query.show_expired === "true" ? "all" : (query.filter ?? defaults.filter);
  const after = fromCursor(query.continuationToken, Key);

  const byState = {
    active: or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, ctx.now)),
    expired: lte(accessTokens.expiresAt, ctx.now),
    all: undefined,
  };
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, orgId),
    ctx.store.db
      .select(visible)
      .from(accessTokens)
      .where(
        and(
          owner,
          isNull(accessTokens.deletedAt),
          byState[filter],
          after && sql`(${accessTokens.createdAt}, ${accessTokens.id}) < (${after[0]}, ${after[1]})`,
        ),
      )
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(size + 1),
  ]);
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.id]);
  return { tokens: items.map(toAccessToken), continuationToken };
}

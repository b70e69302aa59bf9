import { type SQL, and, isNull, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { notOver } from "../auth/lives.ts";
import type { OrgContext } from "../context.ts";
import { type TokenRow, toAccessToken, visibleColumns } from "./accessToken.ts";
import { ownedBy, theOrganization } from "./owner.ts";
import { accessTokens } from "./table.ts";

const DAY = 86_400_000;
/** An expiry within so many days is near. */
export const SOON_DAYS = 14;
/** A token without a use for so many days is likely not needed any more. */
export const UNUSED_DAYS = 90;
/** Tokens that are counted and sorted: the newest. */
const MOST_TOKENS = 10_000;

export const tokenFilters = ["active", "soon", "never", "unused", "admin", "disabled", "expired", "all"] as const;
export type TokenFilter = (typeof tokenFilters)[number];
export const tokenSorts = ["created", "name", "used", "unused", "expires"] as const;
export type TokenSort = (typeof tokenSorts)[number];

interface Asked {
  filter: TokenFilter;
  sort: TokenSort;
  search: string | undefined;
  /** From 1. */
  page: number;
  size: number;
}

/**
 * One page of the organization's tokens in any order, and how many tokens each filter has. It counts and sorts the newest 10,000 tokens that
 * are not deleted, so that the work has a bound. The API's list has cursors instead, for all tokens.
 */
export async function overviewTokens(ctx: OrgContext, { filter, sort, search, page, size }: Asked) {
  const { db } = ctx.store;
  const { now } = ctx;
  const active = sql`(${notOver(now)} AND ${accessTokens.disabledAt} IS NULL)`;
  const conditions: Record<TokenFilter, SQL> = {
    active: sql`${notOver(now)}`,
    soon: sql`(${active} AND min(coalesce(${accessTokens.expiresAt}, ${NEVER}), coalesce(${accessTokens.retiresAt}, ${NEVER})) <= ${now + SOON_DAYS * DAY})`,
    never: sql`(${active} AND ${accessTokens.lastUsedAt} IS NULL)`,
    unused: sql`(${active} AND coalesce(${accessTokens.lastUsedAt}, ${accessTokens.createdAt}) <= ${now - UNUSED_DAYS * DAY})`,
    admin: sql`(${active} AND ${accessTokens.role} = 'admin')`,
    disabled: sql`(${notOver(now)} AND ${accessTokens.disabledAt} IS NOT NULL)`,
    expired: sql`NOT ${notOver(now)}`,
    all: sql`1`,
  };
  const orders: Record<TokenSort, SQL> = {
    created: sql`created_at DESC`,
    name: sql`lower(name)`,
    used: sql`last_used_at DESC`,
    // Null comes first: a token that was never used.
    unused: sql`last_used_at`,
    expires: sql`expires_at IS NULL, expires_at`,
  };
  const text = sql`${accessTokens.name} || ' ' || ${accessTokens.displayName} || ' ' || ${accessTokens.description}`;
  // The sessions of their identity provider list exchanged tokens.
  const listed = and(
    ownedBy(ctx, theOrganization),
    isNull(accessTokens.deletedAt),
    isNull(accessTokens.issuerId),
    search === undefined ? undefined : sql`instr(lower(${text}), lower(${search})) > 0`,
  );
  const newest = (columns: SQL) =>
    sql`(SELECT ${columns} FROM ${accessTokens} WHERE ${listed} ORDER BY created_at DESC, id DESC LIMIT ${MOST_TOKENS})`;
  const [counts, rows] = await guarded(ctx, [
    db
      .select(
        Object.fromEntries(
          tokenFilters.map((name) => [name, sql<number>`coalesce(sum(${conditions[name]}), 0)`.as(`count_${name}`)]),
        ) as Record<TokenFilter, SQL.Aliased<number>>,
      )
      .from(sql`${newest(sql`*`)} AS access_tokens`),
    db
      .select(visibleColumns)
      .from(accessTokens)
      .where(and(sql`${accessTokens.id} IN ${newest(sql`id`)}`, conditions[filter]))
      .orderBy(orders[sort], sql`created_at DESC`, sql`id DESC`)
      .limit(size)
      .offset((page - 1) * size),
  ]);
  return { tokens: rows.map((row) => toAccessToken(row as TokenRow, now)), counts: counts[0]! as Record<TokenFilter, number> };
}

/** Later than every expiry. */
const NEVER = Number.MAX_SAFE_INTEGER;

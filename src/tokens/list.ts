import { type SQL, and, desc, eq, isNull, lte, or, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guard, guarded, guardsOf } from "../auth/guard.ts";
import { notOver } from "../auth/lives.ts";
import type { ActorContext, OrgContext, PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { findRole } from "../roles/builtIn.ts";
import { exists, requireRole } from "../roles/holders.ts";
import { type TokenRow, toAccessToken, visibleColumns } from "./accessToken.ts";
import { ownedBy, ownedByCaller, theOrganization } from "./owner.ts";
import type { ListOrgTokensQuery } from "./schema.ts";
import { accessTokens } from "./table.ts";

const Key = z.tuple([z.number(), z.string()]);
const PAGE_SIZE = 100;
/** The older Pulumi provider reads one page only, so a request without parameters for pages gets this many tokens (management-api §15). */
const UNPAGED_SIZE = 1000;
const DAY = 86_400_000;

type Query = z.infer<typeof ListOrgTokensQuery>;

/** @param source `X-Pulumi-Source`: the provider treats a token that is not in the list as deleted, so its list includes expired tokens */
export const listOrgTokens = (ctx: OrgContext, query: Query, source: string | null, owner = theOrganization) =>
  list(ctx, query, and(ownedBy(ctx, owner), unusedFor(ctx, query.unusedDays), containing(query.search)), source, guardsOf(ctx));

/** Tokens with a role. @throws 404 when the organization has no such role */
export async function listTokensWithRole(ctx: OrgContext, roleId: string, query: Query) {
  const builtIn = findRole(ctx.org.id, roleId);
  if (!builtIn) requireRole(ctx, roleId, (await guarded(ctx, [exists(ctx, roleId)]))[0]);
  const has = builtIn ? and(eq(accessTokens.role, builtIn), isNull(accessTokens.roleId)) : eq(accessTokens.roleId, roleId);
  return list(ctx, query, and(ownedBy(ctx, theOrganization), has), null, guardsOf(ctx));
}

export const listPersonalTokens = (ctx: PersonContext, query: Query, source: string | null) =>
  list(ctx, query, ownedByCaller(ctx.actor, "personal"), source, [guard(ctx.store, ctx.actor, ctx.now)]);

const unusedFor = (ctx: OrgContext, days: number | undefined) =>
  days === undefined ? undefined : lte(sql`coalesce(${accessTokens.lastUsedAt}, ${accessTokens.createdAt})`, ctx.now - days * DAY);

const containing = (text: string | undefined) =>
  text === undefined
    ? undefined
    : sql`instr(lower(${accessTokens.name} || ' ' || ${accessTokens.displayName} || ' ' || ${accessTokens.description}), lower(${text})) > 0`;

/**
 * Newest first. Deleted tokens are never listed, but the audit log names them. A token whose overlap after a rotation is over counts as
 * expired, and a disabled token counts as active.
 */
async function list(ctx: ActorContext, query: Query, owner: SQL | undefined, source: string | null, guards: ReturnType<typeof guardsOf>) {
  const { now } = ctx;
  const size = query.maxResults ?? (query.continuationToken ? PAGE_SIZE : UNPAGED_SIZE);
  const filter = query.show_expired === "true" ? "all" : (query.filter ?? (source === "provider" ? "all" : "active"));
  const after = fromCursor(query.continuationToken, Key);

  const byState = {
    active: notOver(now),
    expired: or(lte(accessTokens.expiresAt, now), lte(accessTokens.retiresAt, now)),
    all: undefined,
  };
  const results = await batch(ctx.store, [
    ...guards,
    ctx.store.db
      .select(visibleColumns)
      .from(accessTokens)
      .where(
        and(
          owner,
          isNull(accessTokens.deletedAt),
          // The sessions of their identity provider list exchanged tokens.
          isNull(accessTokens.issuerId),
          byState[filter],
          after && sql`(${accessTokens.createdAt}, ${accessTokens.id}) < (${after[0]}, ${after[1]})`,
        ),
      )
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(size + 1),
  ]);
  const rows = results.at(-1) as TokenRow[];
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.id]);
  return { tokens: items.map((row) => toAccessToken(row, now)), continuationToken };
}

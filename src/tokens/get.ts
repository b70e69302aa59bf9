import { type SQL, and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { type TokenRow, toAccessToken, visibleColumns } from "./accessToken.ts";
import { type TokenOwner, ownedBy, theOrganization } from "./owner.ts";
import { accessTokens } from "./table.ts";

/** SQL condition: a machine token by its id. Deleted tokens match too, because their rows are kept. */
export const thatToken = (ctx: OrgContext, id: string, owner: TokenOwner): SQL => and(eq(accessTokens.id, id), ownedBy(ctx, owner))!;

/** SQL condition: that token, or one that it replaced by rotations. Together they are one credential, whose value was replaced. */
export function withPredecessors(one: SQL): SQL {
  const own = (column: string) => sql`(SELECT ${sql.raw(column)} FROM access_tokens WHERE ${one})`;
  const family = own("coalesce(family_id, id)");
  return sql`((access_tokens.id = ${family} OR access_tokens.family_id = ${family}) AND access_tokens.generation <= ${own("generation")})`;
}

/** An exchanged token has the rights and the lifetime that its identity provider's policy gave it. */
export const EXCHANGED = "the token was exchanged for a token of an identity provider, so it cannot be changed or rotated, only ended";

/** @throws 404 for an id that never belonged to this owner */
export async function readOrgToken(ctx: OrgContext, id: string, owner: TokenOwner): Promise<TokenRow> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(visibleColumns)
      .from(accessTokens)
      .where(thatToken(ctx, id, owner)),
  ]);
  const row = rows[0];
  if (!row) throw notFound("Token");
  return row;
}

export const getOrgToken = async (ctx: OrgContext, id: string, owner = theOrganization) =>
  toAccessToken(await readOrgToken(ctx, id, owner), ctx.now);

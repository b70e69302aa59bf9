import { and, desc, eq, isNull } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { type TokenRow, seconds, stateOf, visibleColumns } from "../../tokens/accessToken.ts";
import { accessTokens } from "../../tokens/table.ts";
import type { ScimToken } from "../openapi.ts";

/** SQL condition on a row of `access_tokens`: a SCIM token of the organization that is not deleted. */
export const isScimToken = (ctx: OrgContext) =>
  and(eq(accessTokens.orgId, ctx.org.id), eq(accessTokens.kind, "scim"), isNull(accessTokens.deletedAt));

/** Lists the SCIM tokens of the organization, the newest first. */
export async function listScimTokens(ctx: OrgContext): Promise<{ tokens: ScimToken[] }> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(visibleColumns)
      .from(accessTokens)
      .where(isScimToken(ctx))
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id)),
  ]);
  return { tokens: rows.map((row) => toScimToken(row, ctx.now)) };
}

const toScimToken = (row: TokenRow, now: number): ScimToken => ({
  id: row.id,
  name: row.name,
  created: new Date(row.createdAt).toISOString(),
  createdBy: row.createdBy,
  lastUsed: seconds(row.lastUsedAt),
  expires: seconds(row.expiresAt),
  status: stateOf(row, now),
  lastUsedIP: row.lastUsedAddress || undefined,
  lastUsedBy: row.lastUsedClient || undefined,
});

import { and, eq } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { type TokenRow, toAccessToken, visibleColumns } from "./accessToken.ts";
import { accessTokens } from "./table.ts";

/** An organization token by its id, a deleted one too: its row outlives it. */
export const thatToken = (ctx: OrgContext, id: string) =>
  and(eq(accessTokens.id, id), eq(accessTokens.orgId, ctx.org.id), eq(accessTokens.kind, "organization"));

/** @throws 404 for an id that never was of this organization */
export async function readOrgToken(ctx: OrgContext, id: string): Promise<TokenRow> {
  const [rows] = await guarded(ctx, [ctx.store.db.select(visibleColumns).from(accessTokens).where(thatToken(ctx, id))]);
  const row = rows[0];
  if (!row) throw notFound("Token");
  return row;
}

export const getOrgToken = async (ctx: OrgContext, id: string) => toAccessToken(await readOrgToken(ctx, id), ctx.now);

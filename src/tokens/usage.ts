import { and, desc, eq, gte } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { seconds } from "./accessToken.ts";
import type { TokenUsage } from "./openapi.ts";
import { thatToken } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { accessTokens, type originKinds, tokenOrigins, tokenUsage } from "./table.ts";

const DAY = 86_400_000;

/** @param days number of days, including today; days without a request are left out */
export async function getTokenUsage(ctx: OrgContext, id: string, days: number, owner: TokenOwner = theOrganization): Promise<TokenUsage> {
  const { db } = ctx.store;
  const today = Math.floor(ctx.now / DAY);
  const [tokens, used, origins] = await guarded(ctx, [
    db
      .select({ id: accessTokens.id })
      .from(accessTokens)
      .where(thatToken(ctx, id, owner)),
    db
      .select({ day: tokenUsage.day, requests: tokenUsage.requests })
      .from(tokenUsage)
      .where(and(eq(tokenUsage.tokenId, id), gte(tokenUsage.day, today - days + 1)))
      .orderBy(desc(tokenUsage.day)),
    db
      .select({ kind: tokenOrigins.kind, value: tokenOrigins.value, lastAt: tokenOrigins.lastAt })
      .from(tokenOrigins)
      .where(eq(tokenOrigins.tokenId, id))
      .orderBy(desc(tokenOrigins.lastAt), tokenOrigins.value),
  ]);
  if (!tokens[0]) throw notFound("Token");
  const ofKind = (kind: (typeof originKinds)[number]) =>
    origins.filter((row) => row.kind === kind).map((row) => ({ value: row.value, lastUsed: seconds(row.lastAt) }));
  return {
    days: used.map(({ day, requests }) => ({ day: new Date(day * DAY).toISOString().slice(0, 10), requests })),
    addresses: ofKind("address"),
    countries: ofKind("country"),
    clients: ofKind("client"),
    networks: ofKind("network"),
  };
}

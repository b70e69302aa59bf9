import { and, desc, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guard } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import { sessionOpenerIsValid } from "../auth/sessionOpener.ts";
import type { PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { cursor } from "../http/bounded.ts";
import { fromCursor, maxResults, page } from "../http/pagination.ts";
import { seconds } from "../tokens/accessToken.ts";
import { ownedByCaller } from "../tokens/owner.ts";
import { accessTokens } from "../tokens/table.ts";
import type { ListSessionsResponse } from "./openapi.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.number(), z.string()]);

export const ListSessionsQuery = z.object({ maxResults, continuationToken: cursor });

/** The caller's own sessions that are open, newest first. */
export async function listSessions(ctx: PersonContext, query: z.infer<typeof ListSessionsQuery>): Promise<ListSessionsResponse> {
  const after = fromCursor(query.continuationToken, Key);
  const size = query.maxResults ?? PAGE_SIZE;
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db
      .select({
        id: accessTokens.id,
        createdAt: accessTokens.createdAt,
        expiresAt: accessTokens.expiresAt,
        madeWith: accessTokens.madeWith,
        lastUsedAt: accessTokens.lastUsedAt,
        lastUsedAddress: accessTokens.lastUsedAddress,
        lastUsedCountry: accessTokens.lastUsedCountry,
        lastUsedClient: accessTokens.lastUsedClient,
      })
      .from(accessTokens)
      .where(
        and(
          ownedByCaller(ctx.actor, "session"),
          lives(ctx.now),
          sessionOpenerIsValid,
          after && sql`(${accessTokens.createdAt}, ${accessTokens.id}) < (${after[0]}, ${after[1]})`,
        ),
      )
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(size + 1),
  ]);
  const { items, continuationToken } = page(rows, size, (row) => [row.createdAt, row.id]);
  return {
    sessions: items.map((row) => ({
      id: row.id,
      created: new Date(row.createdAt).toISOString(),
      expires: seconds(row.expiresAt),
      current: row.id === ctx.actor.token.id,
      madeWith: row.madeWith ?? undefined,
      lastUsed: seconds(row.lastUsedAt),
      lastUsedIP: row.lastUsedAddress || undefined,
      lastUsedCountry: row.lastUsedCountry || undefined,
      lastUsedBy: row.lastUsedClient || undefined,
    })),
    continuationToken,
  };
}

import { type SQL, and, eq, inArray, isNull, lt, sql } from "drizzle-orm";
import { lives } from "../auth/lives.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { accessTokens } from "../tokens/table.ts";
import { type Counted, EXPIRING_DAYS, type TokenRef, UNUSED_DAYS } from "./digest.ts";
import { webhooks } from "./table.ts";

const DAY = 86_400_000;
/** Maximum number of tokens that a digest names. */
const MOST_NAMED = 20;

/** The tokens of an organization and its teams that need attention now. */
export async function readTokens(
  env: Bindings,
  orgId: string,
  now: number,
): Promise<{ tokensUnused: Counted<TokenRef>; tokensExpiring: Counted<TokenRef> }> {
  const store = openStore(env);
  const { createdAt, lastUsedAt, enabledAt, expiresAt } = accessTokens;
  const used = sql`max(${createdAt}, coalesce(${lastUsedAt}, 0), coalesce(${enabledAt}, 0))`;
  const tokens = (which: SQL, at: SQL<number | null>, order: SQL) =>
    store.db
      .select({
        id: accessTokens.id,
        name: accessTokens.name,
        kind: sql<string>`${accessTokens.kind}`,
        at: at.as("at"),
        all: sql<number>`count(*) OVER ()`.as("all_of_them"),
      })
      .from(accessTokens)
      .where(
        and(
          eq(accessTokens.orgId, orgId),
          inArray(accessTokens.kind, ["organization", "team"]),
          // Exchanged tokens are left out, because they expire within hours.
          isNull(accessTokens.issuerId),
          lives(now),
          which,
        ),
      )
      .orderBy(order, accessTokens.id)
      .limit(MOST_NAMED);
  const [unused, expiring] = await batch(store, [
    tokens(sql`${used} <= ${now - UNUSED_DAYS * DAY}`, sql<number | null>`${lastUsedAt}`, used),
    tokens(sql`${expiresAt} <= ${now + EXPIRING_DAYS * DAY}`, sql<number | null>`${expiresAt}`, sql`${expiresAt}`),
  ]);
  const counted = (rows: typeof unused): Counted<TokenRef> => ({
    count: rows[0]?.all ?? 0,
    first: rows.map(({ id, name, kind, at }) => ({ id, name, kind, at: at === null ? null : Math.floor(at / 1000) })),
  });
  return { tokensUnused: counted(unused), tokensExpiring: counted(expiring) };
}

/** Notes that the digest of that time is a message of the webhook's object. */
export async function noteDigest(env: Bindings, id: string, at: number): Promise<void> {
  const store = openStore(env);
  await batch(store, [
    store.db
      .update(webhooks)
      .set({ digestAt: at })
      .where(and(eq(webhooks.id, id), lt(webhooks.digestAt, at))),
  ]);
}

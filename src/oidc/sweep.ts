import { sql } from "drizzle-orm";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { accessTokens, tokenOrigins, tokenUsage } from "../tokens/table.ts";
import { usedTokenIds } from "./table.ts";

/** How long the row of an exchanged token is kept after its end, in milliseconds. The audit log names it for longer. */
const KEPT = 30 * 86_400_000;
/** Maximum number of rows that one run deletes; the next run continues. */
const MOST_DELETED = 500;

/** A pipeline makes many tokens, so the rows of ended ones are deleted. A row with descendants stays, because they are found through it. */
const isOver = (now: number) => sql`issuer_id IS NOT NULL AND max(expires_at, created_at) < ${now - KEPT}
  AND NOT EXISTS (SELECT 1 FROM access_tokens AS made WHERE made.made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM invites WHERE made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM members WHERE made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM former_members WHERE made_with = access_tokens.id)`;

/** Deletes rows of ended exchanged tokens, and ids of tokens that have expired. The cron runs it once an hour. */
export async function sweepExchanged(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const which = sql`(SELECT id FROM access_tokens WHERE ${isOver(now)} ORDER BY created_at LIMIT ${MOST_DELETED})`;
  const [, , , deleted] = await batch(store, [
    store.db
      .delete(usedTokenIds)
      .where(sql`(issuer_id, hash) IN (SELECT issuer_id, hash FROM used_token_ids WHERE expires_at < ${now} LIMIT ${MOST_DELETED})`),
    store.db.delete(tokenUsage).where(sql`${tokenUsage.tokenId} IN ${which}`),
    store.db.delete(tokenOrigins).where(sql`${tokenOrigins.tokenId} IN ${which}`),
    store.db
      .delete(accessTokens)
      .where(sql`${accessTokens.id} IN ${which}`)
      .returning({ id: accessTokens.id }),
  ]);
  return deleted.length;
}

import { and, eq, sql } from "drizzle-orm";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { wholeNumber } from "../limits.ts";
import { type KeyRow, isSealedWithOlder, makeKey, newestKey, seal, unseal } from "./keys.ts";
import { signingKeys } from "./table.ts";

const DAY = 86_400_000;
const USUAL_DAYS = 90;
/**
 * A key is published for this long before it signs, and for this long after it has signed last. Tokens are valid for minutes, and caches
 * keep answers for hours.
 */
const AROUND = DAY;

/**
 * Makes the first key, and the next one when the newest is old. It also encrypts private keys again after a new master key was set, and deletes
 * keys whose tokens have all expired. The cron runs it once an hour.
 * @returns what it did, for the log
 */
export async function rotateSigningKeys(env: Bindings, now: number): Promise<{ made: number; resealed: number }> {
  const store = openStore(env);
  const newest = await newestKey(store);
  const secret = newest && (await unseal(env, newest));
  const days = wholeNumber(env.SIGNING_KEY_DAYS, Infinity) ?? USUAL_DAYS;
  const isDue = newest !== undefined && now - newest.activeAt >= days * DAY - AROUND;
  // A key that nobody can read signs nothing, so its successor begins at once.
  const next = !newest || !secret ? now : isDue ? now + AROUND : undefined;
  if (next !== undefined) await makeKey(env, store, newest, now, next);
  const older = sql`SELECT older.generation FROM signing_keys AS older
    JOIN signing_keys AS next ON next.generation = older.generation + 1 AND next.active_at < ${now - AROUND}`;
  const [, rows] = await batch(store, [
    store.db.delete(signingKeys).where(sql`${signingKeys.generation} IN (${older})`),
    store.db.select().from(signingKeys),
  ]);
  let resealed = 0;
  for (const row of rows) if (isSealedWithOlder(env, row) && (await reseal(env, row))) resealed++;
  return { made: next === undefined ? 0 : 1, resealed };
}

/** Encrypts a private key with the current master key. @returns false for a key whose master key is not listed any more */
async function reseal(env: Bindings, row: KeyRow): Promise<boolean> {
  const secret = await unseal(env, row);
  if (!secret) return false;
  const store = openStore(env);
  const sealedKey = await seal(env, row.kid, secret);
  await batch(store, [
    store.db
      .update(signingKeys)
      .set({ sealedKey })
      .where(and(eq(signingKeys.generation, row.generation), eq(signingKeys.kid, row.kid))),
  ]);
  return true;
}

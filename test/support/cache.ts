/** Reads and writes identities in the cache, in the form that this deployment uses. */
import { env } from "cloudflare:workers";
import { openEntry, sealEntry } from "../../src/auth/cacheEntry.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { cacheKey } from "../../src/auth/resolve.ts";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";

const peppers = peppersOf(env.TOKEN_PEPPER);

export async function hashOf(tokenValue: string): Promise<string> {
  return (await hashTokenValue(peppers, tokenValue))!;
}

/** The cached identity of a token's value, as soon as it is there: it is written after the answer. */
export async function cachedIdentity(tokenValue: string): Promise<Identity> {
  const hash = await hashOf(tokenValue);
  for (;;) {
    const entry = await env.TOKEN_CACHE.get(cacheKey(hash));
    if (entry !== null) return (await openEntry(peppers[0]!, hash, entry))!;
    await scheduler.wait(2);
  }
}

/** Puts an identity into the cache for a token's value. This needs the pepper. */
export async function cacheIdentity(tokenValue: string, identity: Identity): Promise<void> {
  const hash = await hashOf(tokenValue);
  await env.TOKEN_CACHE.put(cacheKey(hash), await sealEntry(peppers[0]!, hash, identity));
}

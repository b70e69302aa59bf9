import type { RequestContext } from "../context.ts";
import type { Store } from "../db/client.ts";
import { logError } from "../log.ts";
import { openEntry, sealEntry } from "./cacheEntry.ts";
import { type Identity, type Resolution, readIdentity } from "./identity.ts";
import { readTokenValue } from "./secret.ts";

/** A cached identity older than this is not used, by our own clock. Milliseconds. */
export const IDENTITY_TTL = 60_000;

interface Lookup {
  /** The store of the place that the value names. It is called before the cache is asked. */
  storeAt: (place: number) => Store;
  cache: KVNamespace;
  peppers: string[];
  now: number;
  /** Skips the cache, because a refusal must not rest on it. */
  fresh?: boolean;
  background: RequestContext["background"];
}

/** The number changes with the shape of an identity, so that a new deployment reads no entry of the old code. */
export const cacheKey = (hash: string) => `token:9:${hash}`;

/** Checks the check digits, then reads KV, then D1. Unknown values are not cached, so a new token works at once. */
export async function resolveToken(value: string, lookup: Lookup): Promise<Resolution> {
  const presented = await readTokenValue(lookup.peppers, value);
  if (!presented) return undefined;
  const { hash, place } = presented;
  const store = lookup.storeAt(place);
  if (!lookup.fresh) {
    const entry = await cachedIdentity(lookup, hash);
    if (entry) return { identity: entry };
  }
  const found = await readIdentity(store, hash, lookup.now);
  if (found && "identity" in found) {
    const { identity } = found;
    lookup.background("token cache", async (env) => {
      const entry = await sealEntry(lookup.peppers[0]!, hash, identity);
      await env.TOKEN_CACHE.put(cacheKey(hash), entry, { expirationTtl: IDENTITY_TTL / 1000 });
    });
  }
  return found;
}

/** Returns undefined when the cache fails, and for an entry that this deployment did not write for this value. */
async function cachedIdentity({ cache, peppers, now }: Lookup, hash: string): Promise<Identity | undefined> {
  try {
    const sealed = await cache.get(cacheKey(hash), { cacheTtl: 30 });
    const entry = sealed === null ? undefined : await openEntry(peppers[0]!, hash, sealed);
    if (!entry || now - entry.checkedAt >= IDENTITY_TTL) return undefined;
    if (entry.expiresAt !== null && entry.expiresAt <= now) return undefined;
    return { ...entry, cached: true };
  } catch {
    return undefined;
  }
}

/** Deletes identities from the cache. If the cache cannot be reached, its entries expire within a minute. */
export async function forgetIdentities(cache: KVNamespace, hashes: string[]): Promise<void> {
  const results = await Promise.allSettled(hashes.map((hash) => cache.delete(cacheKey(hash))));
  for (const result of results) {
    if (result.status === "rejected") logError("token cache not cleared", result.reason);
  }
}

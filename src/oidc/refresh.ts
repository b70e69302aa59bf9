import { and, eq, isNotNull, lte } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { PreconditionFailed, batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { discover } from "./discover.ts";
import { type PublicKey, oidcIssuers } from "./table.ts";
import { type KeySet, type Verified, verifyToken } from "./verify.ts";

/** Keys are read again when they are older than this, so that a key that an issuer withdraws stops being accepted. Milliseconds. */
const OLD = 3_600_000;
/** Keys that could not be read again for this long are not used any more. */
const TOO_OLD = 24 * 3_600_000;
/** The keys of an issuer are read at most once in this time, in all isolates together: tokens with invented key ids must not flood it. */
const BETWEEN = 30_000;

/** The keys of a stored issuer. */
export interface StoredKeys extends KeySet {
  url: string;
  /** Null: an administrator has set the keys, so they are never read. */
  jwksUri: string | null;
}

/** Whether the keys of an issuer have to be read again before they are used. */
export const areOld = ({ jwksUri, fetchedAt }: Pick<StoredKeys, "jwksUri" | "fetchedAt">, now: number): boolean =>
  jwksUri !== null && now - fetchedAt >= OLD;

/**
 * Checks a token with the stored keys of its issuer. When the keys are old, or none of them fits, they are read again first, so that a rotation
 * of the issuer's keys needs no action.
 */
export async function verifyWithFreshKeys(ctx: RequestContext, token: string, stored: StoredKeys): Promise<Verified | "no-keys"> {
  if (stored.jwksUri === null) return verifyToken(ctx, token, stored);
  const isOld = areOld(stored, ctx.now);
  const set = (isOld && (await refreshKeys(ctx, stored))) || stored;
  if (ctx.now - set.fetchedAt >= TOO_OLD) return "no-keys";
  const first = await verifyToken(ctx, token, set);
  if ("claims" in first || first.fault !== "unknown-key" || isOld) return first;
  const newer = await refreshKeys(ctx, set);
  return newer ? verifyToken(ctx, token, newer) : first;
}

/**
 * @returns newer keys, if there are any. Another isolate may have read them.
 * @throws PreconditionFailed when an administrator set or read the keys meanwhile
 */
async function refreshKeys(ctx: RequestContext, set: StoredKeys): Promise<StoredKeys | undefined> {
  const { db } = ctx.store;
  const one = eq(oidcIssuers.id, set.id);
  const [claimed, rows] = await batch(ctx.store, [
    db
      .update(oidcIssuers)
      .set({ triedAt: ctx.now })
      .where(and(one, lte(oidcIssuers.triedAt, ctx.now - BETWEEN)))
      .returning({ id: oidcIssuers.id }),
    db.select({ keys: oidcIssuers.keys, fetchedAt: oidcIssuers.fetchedAt }).from(oidcIssuers).where(one),
  ]);
  if (!claimed[0]) return rows[0] && rows[0].fetchedAt > set.fetchedAt ? { ...set, ...rows[0] } : undefined;
  try {
    const { jwksUri, keys } = await discover(ctx, set.url);
    const [kept] = await batch(ctx.store, [keepKeys(ctx, set, jwksUri, keys)]);
    if (!kept[0]) throw new PreconditionFailed();
    return { ...set, jwksUri, keys, fetchedAt: ctx.now };
  } catch (error) {
    // The reason is in the operator's log. The stored keys are used until they are too old.
    if (error instanceof AppError && error.status === 400) return undefined;
    throw error;
  }
}

/** Stores the keys of an issuer that were just read, unless an administrator has set keys while the issuer answered. */
const keepKeys = (ctx: RequestContext, { id, fetchedAt }: StoredKeys, jwksUri: string, keys: PublicKey[]) =>
  ctx.store.db
    .update(oidcIssuers)
    .set({ jwksUri, keys, fetchedAt: ctx.now, triedAt: ctx.now })
    .where(and(eq(oidcIssuers.id, id), isNotNull(oidcIssuers.jwksUri), eq(oidcIssuers.fetchedAt, fetchedAt)))
    .returning({ id: oidcIssuers.id });

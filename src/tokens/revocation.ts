import { and, eq, isNotNull, sql } from "drizzle-orm";
import { IDENTITY_TTL } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { seconds } from "./accessToken.ts";
import type { RevocationReceipt } from "./openapi.ts";
import { readOrgToken } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { accessTokens } from "./table.ts";

/**
 * Stores when the deletion was first seen, once. A crash between the deletion and this call loses nothing: a later call stores a later
 * time.
 */
export async function noteDeletion(ctx: OrgContext, id: string): Promise<RevocationReceipt> {
  const one = and(eq(accessTokens.id, id), eq(accessTokens.orgId, ctx.org.id), isNotNull(accessTokens.deletedAt));
  // The request's own clock stopped at its arrival, which may be before the deletion was committed.
  const now = Date.now();
  const [, rows] = await batch(ctx.store, [
    ctx.store.db
      .update(accessTokens)
      .set({ deletionSeenAt: sql`coalesce(${accessTokens.deletionSeenAt}, ${now})` })
      .where(one),
    ctx.store.db
      .select({ name: accessTokens.name, seenAt: accessTokens.deletionSeenAt, lastUsedAt: accessTokens.lastUsedAt })
      .from(accessTokens)
      .where(one),
  ]);
  const row = rows[0];
  if (!row) throw notFound("Revocation");
  const seenAt = row.seenAt ?? now;
  return {
    tokenId: id,
    name: row.name,
    committedBy: new Date(seenAt).toISOString(),
    cachedReadsEndBy: new Date(seenAt + IDENTITY_TTL).toISOString(),
    lastUsed: seconds(row.lastUsedAt),
  };
}

/** @throws 404 for a token that was not deleted */
export async function getRevocation(ctx: OrgContext, id: string, owner: TokenOwner = theOrganization) {
  await readOrgToken(ctx, id, owner);
  return noteDeletion(ctx, id);
}

/** The 204 of a deletion has no body, as old clients expect, so its receipt is in headers. */
export const receiptHeaders = (receipt: RevocationReceipt) => ({
  "X-Revocation-Committed-By": receipt.committedBy,
  "X-Revocation-Cached-Reads-End-By": receipt.cachedReadsEndBy,
  "X-Revocation-Last-Used": String(receipt.lastUsed),
});

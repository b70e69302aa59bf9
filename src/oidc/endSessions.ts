import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { type AuditEvent, auditEvent, whoIs } from "../audit/record.ts";
import { notOver } from "../auth/lives.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { endUnaccepted } from "../lineage/unaccepted.ts";
import { accessTokens } from "../tokens/table.ts";

/** Maximum number of cache entries that one call deletes. The others expire within a minute, and no write rests on them. */
const MOST_FORGOTTEN = 200;

/** Statements that end exchanged tokens of an issuer. Await `afterSessions` with their results before the answer. @param which further condition */
export function endSessions(ctx: OrgContext, issuerId: string, which: SQL | undefined) {
  const { db } = ctx.store;
  const living = and(eq(accessTokens.issuerId, issuerId), isNull(accessTokens.deletedAt), notOver(ctx.now), which);
  const removal: AuditEvent = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: "" });
  const ended = sql`SELECT id FROM access_tokens WHERE issuer_id = ${issuerId} AND deleted_at = ${ctx.now}`;
  const statements = [
    db.select({ id: accessTokens.id, hash: accessTokens.hash }).from(accessTokens).where(living),
    db.update(accessTokens).set({ deletedAt: ctx.now }).where(living),
    ...endUnaccepted(ctx.store, ended, ctx.now, removal),
  ] as const;
  return { statements, removal };
}

interface Ended {
  id: string;
  hash: string;
}

/** After the commit: the cache forgets the tokens, and their running updates are notified. @param lost tokens of people who were removed */
export async function afterSessions(ctx: OrgContext, ended: Ended[], lost: { hash: string }[]): Promise<void> {
  await forgetIdentities(ctx.env.TOKEN_CACHE, [...ended, ...lost].map(({ hash }) => hash).slice(0, MOST_FORGOTTEN));
  if (ended.length > 0) await ctx.tokensEnded({ tokenIds: ended.map(({ id }) => id) });
}

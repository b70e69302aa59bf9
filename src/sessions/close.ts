import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { auditIf } from "../audit/record.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { guard, guardMemberships } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { eventsEverywhere } from "../tokens/create.ts";
import { ownedByCaller } from "../tokens/owner.ts";
import { accessTokens } from "../tokens/table.ts";

/** Ends the session of this request. */
export const closeSession = (ctx: PersonContext) =>
  close(ctx, eq(accessTokens.id, ctx.actor.token.id), `Signed out: ended a console session (${ctx.actor.token.id}).`);

/** Ends every session of the caller, including this one; in a session that opens one organization only, those of that organization. */
export const closeAllSessions = (ctx: PersonContext) =>
  close(ctx, undefined, "Signed out everywhere: ended all console sessions of this person.");

/** Ends sessions in the database first, then in the cache. After the answer, no write of an ended session is accepted. */
async function close(ctx: PersonContext, which: SQL | undefined, description: string): Promise<void> {
  const { store, actor, now, env } = ctx;
  const open = and(ownedByCaller(actor, "session"), isNull(accessTokens.deletedAt), which);
  const events = eventsEverywhere(ctx, "user-session-ended", description);
  const results = await batch(store, [
    guard(store, actor, now),
    guardMemberships(store, actor),
    ...events.map((event) => auditIf(store, event, sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${open})`)),
    store.db.update(accessTokens).set({ deletedAt: now }).where(open).returning({ hash: accessTokens.hash }),
  ]);
  const ended = results.at(-1) as { hash: string }[];
  await forgetIdentities(
    env.TOKEN_CACHE,
    ended.map((row) => row.hash),
  );
  relaySoon(ctx, ...events);
}

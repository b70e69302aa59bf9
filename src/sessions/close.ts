import { type SQL, and, eq, isNull } from "drizzle-orm";
import { forgetIdentities } from "../auth/resolve.ts";
import { guard } from "../auth/guard.ts";
import type { PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { accessTokens } from "../tokens/table.ts";

/** Ends the session of this request. */
export const closeSession = (ctx: PersonContext) => close(ctx, eq(accessTokens.id, ctx.actor.token.id));

/** Ends every session of the caller, including this one. */
export const closeAllSessions = (ctx: PersonContext) => close(ctx, undefined);

/** Ends sessions in the database first, then in the cache. After the answer, no write of an ended session is accepted. */
async function close(ctx: PersonContext, which: SQL | undefined): Promise<void> {
  const open = and(eq(accessTokens.userId, ctx.actor.user.id), eq(accessTokens.kind, "session"), isNull(accessTokens.deletedAt), which);
  const [, ended] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db.update(accessTokens).set({ deletedAt: ctx.now }).where(open).returning({ hash: accessTokens.hash }),
  ]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    ended.map((row) => row.hash),
  );
}

import { and, isNull, lt, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch, openStore } from "../db/client.ts";
import { isPresented } from "../auth/guard.ts";
import type { Identity } from "../auth/identity.ts";
import { accessTokens } from "../tokens/table.ts";
import { ABSOLUTE, IDLE } from "./open.ts";

/** Minimum time between two extensions of a session, in milliseconds. */
const STEP = 10 * 60_000;

/** Extends a session after its use, never beyond its absolute end. The request does not wait for it. */
export function extendSession(ctx: RequestContext, { actor, expiresAt }: Identity): void {
  // A session of one organization has the length that the organization has set.
  if (expiresAt === null || expiresAt - ctx.now > IDLE - STEP || actor.limits.onlyOrgId !== null) return;
  ctx.background("session", (env) => {
    const store = openStore(env);
    const stillShort = lt(accessTokens.expiresAt, ctx.now + IDLE - STEP);
    return batch(store, [
      store.db
        .update(accessTokens)
        .set({ expiresAt: sql`min(${ctx.now + IDLE}, ${accessTokens.createdAt} + ${ABSOLUTE})` })
        .where(and(isPresented(actor), isNull(accessTokens.deletedAt), stillShort)),
    ]);
  });
}

import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../audit/record.ts";
import { guard, guardMemberships, guarded } from "../auth/guard.ts";
import { lineHasEnded } from "../auth/lives.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { ActorContext, OrgContext, PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { endUnaccepted } from "../lineage/unaccepted.ts";
import { eventsEverywhere } from "./create.ts";
import { thatToken } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { noteDeletion } from "./revocation.ts";
import { accessTokens } from "./table.ts";

/**
 * Deletes an organization or team token, first in the database, then in the cache, before the answer. After the answer, no write,
 * decryption or export with the token is accepted; cached reads end within 60 seconds. The call may be repeated. An id that never belonged
 * to this owner is a 404.
 * @returns the receipt, as `GET …/revocation` gives it later
 */
export async function deleteOrgToken(ctx: OrgContext, id: string, reason = "", owner: TokenOwner = theOrganization) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: `${owner.kind}-token-deleted`, description: "" });
  const named = sql`(SELECT 'Deleted ' || kind || ' token "' || name || '" (' || id || ').' FROM access_tokens WHERE id = ${id}) || ${
    reason && ` Reason: ${reason}`
  }`;
  const one = thatToken(ctx, id, owner);
  const that = sql`SELECT id FROM access_tokens WHERE ${one}`;
  const removal = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: "" });
  const [, , rows, lost] = await guarded(ctx, [
    end(ctx, one),
    auditIf(ctx.store, event, changedARow, describedBy(event, named)),
    hashOf(ctx, one),
    ...endUnaccepted(ctx.store, that, ctx.now, removal, lineHasEnded(ctx.now, that)),
  ]);
  await forget(ctx, rows, id, lost);
  relaySoon(ctx, event, removal);
  // The token has ended, even if storing the receipt fails: a later request for the receipt stores it.
  return noteDeletion(ctx, id).catch(() => undefined);
}

/** Deletes one of the caller's own tokens. */
export async function deletePersonalToken(ctx: PersonContext, id: string): Promise<void> {
  const one = and(eq(accessTokens.id, id), eq(accessTokens.userId, ctx.actor.user.id), eq(accessTokens.kind, "personal"));
  const events = eventsEverywhere(ctx, "personal-token-deleted", `Deleted a personal token (${id}).`);
  const living = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${and(one, isNull(accessTokens.deletedAt))})`;
  const results = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    guardMemberships(ctx.store, ctx.actor),
    ...events.map((event) => auditIf(ctx.store, event, living)),
    end(ctx, one),
    hashOf(ctx, one),
  ]);
  await forget(ctx, results.at(-1) as { hash: string }[], id);
  relaySoon(ctx, ...events);
}

const end = (ctx: ActorContext, one: SQL | undefined) =>
  ctx.store.db
    .update(accessTokens)
    .set({ deletedAt: ctx.now })
    .where(and(one, isNull(accessTokens.deletedAt)));

const hashOf = (ctx: ActorContext, one: SQL | undefined) => ctx.store.db.select({ hash: accessTokens.hash }).from(accessTokens).where(one);

async function forget(ctx: ActorContext, rows: { hash: string }[], id: string, others: { hash: string }[] = []): Promise<void> {
  const row = rows[0];
  if (!row) throw notFound("Token");
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    [row, ...others].map(({ hash }) => hash),
  );
  await ctx.tokensEnded({ tokenIds: [id] });
}

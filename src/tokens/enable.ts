import { and, eq, isNotNull, isNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { isLeaked } from "../auth/lives.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { conflict, notFound } from "../errors.ts";
import { endUnaccepted } from "../lineage/unaccepted.ts";
import { stateOf, toAccessToken, visibleColumns } from "./accessToken.ts";
import { thatToken } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { accessTokens } from "./table.ts";

/** Disables a token as immediately as a deletion, but it can be enabled again. It can be repeated. */
export const disableOrgToken = (ctx: OrgContext, id: string, reason = "", owner = theOrganization) =>
  flip(ctx, id, "disabled", reason, owner);

/**
 * Enables a token again, whether a person or a rule disabled it.
 * @throws 409 for a token that was found in public, or whose creator was: a thief may have its value, so it can only be rotated or deleted
 */
export const enableOrgToken = (ctx: OrgContext, id: string, reason = "", owner = theOrganization) =>
  flip(ctx, id, "enabled", reason, owner);

async function flip(ctx: OrgContext, id: string, to: "disabled" | "enabled", reason: string, owner: TokenOwner) {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: `${owner.kind}-token-${to}`, description: "" });
  const named = sql`(SELECT ${to === "disabled" ? "Disabled" : "Enabled"} || ' ' || kind || ' token "' || name || '" (' || id || ').'
    FROM access_tokens WHERE id = ${id}) || ${reason && ` Reason: ${reason}`}`;
  const change =
    to === "disabled"
      ? { disabledAt: ctx.now, disabledReason: "admin" as const }
      : { disabledAt: null, disabledReason: null, enabledAt: ctx.now };
  const isOther = to === "disabled" ? isNull(accessTokens.disabledAt) : and(isNotNull(accessTokens.disabledAt), sql`NOT ${isLeaked}`);
  const one = thatToken(ctx, id, owner);
  const removal = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: "" });
  const [, , rows, hashes, lost] = await guarded(ctx, [
    ctx.store.db
      .update(accessTokens)
      .set({ ...change, version: sql`${accessTokens.version} + 1` })
      .where(and(one, isNull(accessTokens.deletedAt), isOther)),
    auditIf(ctx.store, event, changedARow, describedBy(event, named)),
    ctx.store.db.select(visibleColumns).from(accessTokens).where(one),
    ctx.store.db.select({ hash: accessTokens.hash }).from(accessTokens).where(eq(accessTokens.id, id)),
    ...endUnaccepted(ctx.store, id, ctx.now, removal),
  ]);
  const row = rows[0];
  if (!row || stateOf(row, ctx.now) === "deleted") throw notFound("Token");
  if (to === "enabled" && row.disabledAt !== null)
    throw conflict(
      row.disabledReason === "leaked"
        ? "the token was found in public and cannot be enabled: rotate or delete it"
        : "the credential that created the token was found in public, so the token cannot be enabled: rotate or delete it",
    );
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    [hashes[0]!, ...lost].map(({ hash }) => hash),
  );
  if (to === "disabled") await ctx.tokensEnded({ tokenIds: [id] });
  relaySoon(ctx, event, removal);
  return toAccessToken(row, ctx.now);
}

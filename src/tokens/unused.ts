import { and, eq, isNotNull, sql } from "drizzle-orm";
import { relayEvents } from "../audit/relay.ts";
import { auditEvent, auditIf, changedARow } from "../audit/record.ts";
import { lives } from "../auth/lives.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { batch, openStore } from "../db/client.ts";
import type { EndedTokens } from "../context.ts";
import type { Bindings } from "../env.ts";
import { endUnaccepted } from "../lineage/unaccepted.ts";
import { organizations } from "../orgs/table.ts";
import { accessTokens } from "./table.ts";

/** Maximum number of tokens that one run disables; the next run continues. */
const MOST_DISABLED = 100;
const DAY = 86_400_000;

/**
 * Disables the organization and team tokens that were not used for as long as their organization allows, counted from their creation, their
 * last use or the last time they were enabled. The cron runs it once an hour. The tokens can be enabled again.
 * @param tokensEnded notifies their running updates
 * @returns how many were disabled
 */
export async function disableUnusedTokens(env: Bindings, now: number, tokensEnded: (ended: EndedTokens) => Promise<void>): Promise<number> {
  const store = openStore(env);
  const since = sql`max(${accessTokens.createdAt}, coalesce(${accessTokens.lastUsedAt}, 0), coalesce(${accessTokens.enabledAt}, 0))`;
  const isUnused = and(
    isNotNull(accessTokens.orgId),
    // SCIM tokens stay enabled, because an identity provider may have nothing to send for months.
    sql`${accessTokens.kind} IN ('organization', 'team')`,
    lives(now),
    sql`${since} <= ${now} - (SELECT disable_unused_tokens_after_days FROM organizations WHERE organizations.id = ${accessTokens.orgId}) * ${DAY}`,
  );
  const [found] = await batch(store, [
    store.db
      .select({
        id: sql<string>`${accessTokens.id}`.as("token_id"),
        name: sql<string>`${accessTokens.name}`.as("token_name"),
        hash: accessTokens.hash,
        kind: sql<"organization" | "team">`${accessTokens.kind}`.as("token_kind"),
        orgId: sql<string>`${organizations.id}`.as("organization_id"),
        orgName: sql<string>`${organizations.name}`.as("organization_name"),
        days: sql<number>`${organizations.disableUnusedTokensAfterDays}`.as("days"),
      })
      .from(organizations)
      .innerJoin(accessTokens, eq(accessTokens.orgId, organizations.id))
      .where(and(isNotNull(organizations.disableUnusedTokensAfterDays), isUnused))
      .limit(MOST_DISABLED),
  ]);
  for (const token of found) {
    // The organization's rule disabled it, so the event names no token.
    const who = { userLogin: token.orgName, userName: token.orgName, tokenId: "", tokenName: "" };
    const event = auditEvent({ now, address: "" }, token.orgId, who, {
      event: `${token.kind}-token-disabled`,
      description: `Disabled ${token.kind} token "${token.name}" (${token.id}): it was not used for ${token.days} days.`,
    });
    const removal = auditEvent({ now, address: "" }, token.orgId, who, { event: "member-removed", description: "" });
    const [disabled, , lost] = await batch(store, [
      store.db
        .update(accessTokens)
        .set({ disabledAt: now, disabledReason: "unused", version: sql`${accessTokens.version} + 1` })
        .where(and(eq(accessTokens.id, token.id), isUnused))
        .returning({ id: accessTokens.id }),
      auditIf(store, event, changedARow),
      ...endUnaccepted(store, token.id, now, removal),
    ]);
    await forgetIdentities(
      env.TOKEN_CACHE,
      [token, ...lost].map(({ hash }) => hash),
    );
    if (disabled[0]) await tokensEnded({ tokenIds: [token.id] });
    await relayEvents(env, [event.id, removal.id]);
  }
  return found.length;
}

import { type SQL, and, eq, sql } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { Actor, OrgContext } from "../context.ts";
import { type Store, batch, failUnless } from "../db/client.ts";
import { members } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { lives } from "./lives.ts";
import { sessionOpenerIsValid } from "./sessionOpener.ts";
import { stackGivesNeeds } from "./onStack.ts";
import { settingsAreUnchanged } from "./settings.ts";

/**
 * The first statement of a batch whose work must not rest on a cached identity. It writes nothing, and it fails the whole batch unless the
 * token is valid and its rights, limits and settings are unchanged since they were checked (platform-facts PT-2). The check and the work are
 * one transaction on the primary, so no work is accepted after the answer to a deletion.
 * The row must have the hash of the presented value, so the cached identity of another token gives no right.
 * @param orgId the organization of the work; undefined for work on the caller's own account
 * @param unless lets a token pass that is not valid any more, see `drains`
 */
export function guard(store: Store, actor: Actor, now: number, orgId?: string, unless?: SQL) {
  // The token may end while a long body arrives, so the time of the work counts.
  const at = Math.max(now, Date.now());
  const presented = isPresented(actor);
  const alive = and(presented, lives(at), eq(accessTokens.version, actor.limits.version), sessionOpenerIsValid);
  const passes = unless && sql`OR ${unless} AND EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${presented})`;
  const query = store.db.select({ holds: failUnless(sql`count(*) = 1 ${passes ?? sql``}`) }).from(accessTokens);
  switch (actor.kind) {
    case "organization":
    case "team":
      return query.where(
        and(
          alive,
          eq(accessTokens.orgId, actor.org.id),
          eq(accessTokens.role, actor.role),
          settingsAreUnchanged(actor.org.id, actor.settings),
          stackGivesNeeds(actor, actor),
        ),
      );
    case "user": {
      const own = and(alive, eq(accessTokens.userId, actor.user.id));
      if (orgId === undefined) return query.where(own);
      const membership = actor.memberships.find((m) => m.org.id === orgId);
      const member = sql`EXISTS (SELECT 1 FROM ${members} WHERE ${members.orgId} = ${orgId}
        AND ${members.userId} = ${actor.user.id} AND ${members.role} = ${membership?.role ?? "none"})`;
      return query.where(
        and(own, member, membership && settingsAreUnchanged(orgId, membership.settings), membership && stackGivesNeeds(actor, membership)),
      );
    }
  }
}

/** Sends statements in one batch, after the guard of a call in an organization. @returns their results, without that of the guard */
export async function guarded<U extends BatchItem<"sqlite">, T extends Readonly<[] | [U, ...U[]]>>(
  ctx: Pick<OrgContext, "store" | "actor" | "now" | "org">,
  statements: T,
): Promise<BatchResponse<T>> {
  const results = await batch(ctx.store, [guard(ctx.store, ctx.actor, ctx.now, ctx.org.id), ...statements]);
  return results.slice(1) as BatchResponse<T>;
}

/** SQL condition: the row of `access_tokens` is that of the presented value. */
export const isPresented = ({ token }: Actor): SQL => and(eq(accessTokens.id, token.id), eq(accessTokens.hash, token.hash))!;

/**
 * Follows `guard` in the batch of a list over several organizations. It fails unless each of the caller's memberships has the role, the
 * settings and the consent that were checked. A token that is valid in one organization has no other memberships.
 */
export function guardMemberships(store: Store, actor: Actor) {
  const judged =
    actor.kind === "user"
      ? actor.memberships.map(({ org, role, settings, isAccepted }) => [org.id, role, settings.version, Number(isAccepted)])
      : [];
  const userId = actor.kind === "user" ? actor.user.id : "";
  const unjudged = sql`EXISTS (SELECT org_id, role, settings_version, accepted_at IS NOT NULL FROM ${members} JOIN organizations ON organizations.id = org_id
    WHERE user_id = ${userId} AND org_id = coalesce(${actor.limits.onlyOrgId}, org_id) EXCEPT SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(${JSON.stringify(judged)}))`;
  return store.db.select({ holds: failUnless(sql`NOT ${unjudged}`) }).from(sql`(SELECT 1)`);
}

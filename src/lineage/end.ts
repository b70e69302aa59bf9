import { type SQL, and, isNotNull, isNull, sql } from "drizzle-orm";
import { isLeaked } from "../auth/lives.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { EndedTokens, RequestContext } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { oidcIssuers } from "../oidc/table.ts";
import { formerMembers, invites, members, organizations } from "../orgs/table.ts";
import { isNotRevoked, pausedByRevocation } from "./pausedStreams.ts";
import { shutConnections } from "./shutConnections.ts";
import { auditStreams } from "../streams/table.ts";
import { type TokenKind, accessTokens } from "../tokens/table.ts";
import { webhooks } from "../webhooks/table.ts";
import { below, connectionsBelow, invitationsBelow, issuersBelow, streamsBelow, webhooksBelow } from "./below.ts";
import { disabledByRevocation, isNotDisabledYet } from "./disabledWebhooks.ts";
import { type Descent, type Stays, canEnd, isWithin, withEnding } from "./ending.ts";

/**
 * Maximum number of cache entries that one call deletes, the newest tokens first. The remaining entries expire within a minute: writes, exports and
 * decryptions do not use them.
 */
const MOST_FORGOTTEN = 200;
/** Maximum number of ids of one statement: together they are well below the 2 MB of a parameter (platform-facts D-2). */
const MOST_IDS = 10_000;

export type EndedKind = TokenKind | "invitation" | "issuer" | "stream" | "webhook" | "connection" | "member";

/** Statements that read what the revocation is about to end. They precede those of `endBelow`, in the same batch. */
export const readEnding = (store: Store, descent: Descent) =>
  [
    store.db
      .select({
        kind: sql<EndedKind>`ending.kind`.as("kind"),
        id: sql<string>`ending.id`.as("id"),
        orgId: sql<string | null>`ending.org_id`.as("org_id"),
        orgName: sql<string | null>`organizations.name`.as("org_name"),
        name: sql<string>`ending.name`.as("name"),
        stays: sql<Stays | null>`ending.stays`.as("stays"),
        hash: sql<string | null>`access_tokens.hash`.as("hash"),
      })
      .from(
        sql`(${withEnding(descent)} SELECT * FROM ending) AS ending
          LEFT JOIN ${organizations} ON organizations.id = ending.org_id
          LEFT JOIN ${accessTokens} ON access_tokens.id = ending.id AND ending.kind NOT IN ('member', 'invitation', 'issuer', 'stream', 'webhook', 'connection')`,
      )
      .orderBy(sql`ending.at DESC, ending.id`),
    // Tokens of the people who lose a membership: their cached identities contain it.
    store.db
      .select({
        id: sql<string>`access_tokens.id`.as("token_id"),
        hash: sql<string>`access_tokens.hash`.as("token_hash"),
        orgId: sql<string>`ending.org_id`.as("lost_org_id"),
      })
      .from(
        sql`(${withEnding(descent)} SELECT * FROM ending WHERE kind = 'member' AND stays IS NULL) AS ending
          CROSS JOIN ${accessTokens} ON access_tokens.user_id = ending.user_id AND access_tokens.deleted_at IS NULL`,
      ),
  ] as const;

type Statements = ReturnType<typeof readEnding>;
export type EndedRow = Awaited<Statements[0]>[number];
export type LostRow = Awaited<Statements[1]>[number];

/** Statements that end everything that descends from the roots, in the transaction of the batch's guard. */
export function endBelow(store: Store, descent: Descent) {
  const { db } = store;
  const { roots, how, now } = descent;
  const tokens = sql`(WITH RECURSIVE ${below(descent)} SELECT id FROM below WHERE kind = 'token')`;
  const invitations = sql`(WITH RECURSIVE ${below(descent)} ${invitationsBelow})`;
  const issuers = sql`(WITH RECURSIVE ${below(descent)} ${issuersBelow})`;
  const openers = sql`(WITH RECURSIVE ${below(descent)} SELECT connections.id FROM connections
    WHERE connections.id IN (${connectionsBelow}) AND connections.enabled AND ${isWithin("connections", descent)})`;
  const streams = sql`(WITH RECURSIVE ${below(descent)} ${streamsBelow})`;
  const hooks = sql`(WITH RECURSIVE ${below(descent)} ${webhooksBelow})`;
  const leaving = sql`(${members.orgId}, ${members.userId}) IN
    (${withEnding(descent)} SELECT org_id, user_id FROM ending WHERE kind = 'member' AND stays IS NULL)`;
  return [
    db
      .update(accessTokens)
      .set(how === "delete" ? { deletedAt: now } : disabled(now))
      .where(
        and(
          sql`${accessTokens.id} IN ${tokens}`,
          how === "delete"
            ? sql`(${canEnd(descent)} OR (${roots}) AND ${accessTokens.deletedAt} IS NULL)`
            : // Tokens that have already ended are marked too, because their updates may still run.
              sql`NOT (${roots}) AND NOT ${isLeaked}`,
          isWithin("access_tokens", descent),
        ),
      ),
    db
      .update(invites)
      .set({ status: "canceled" })
      .where(and(sql`${invites.id} IN ${invitations}`, sql`${invites.status} = 'pending'`, isWithin("invites", descent))),
    // An administrator has to set the policy of such an identity provider again.
    db
      .update(oidcIssuers)
      .set({ disabledAt: now, version: sql`${oidcIssuers.version} + 1` })
      .where(and(sql`${oidcIssuers.id} IN ${issuers}`, isNull(oidcIssuers.disabledAt), isWithin("oidc_issuers", descent))),
    // An administrator has to resume such a stream, and the stream says why it is paused, even if it was paused before.
    db
      .update(auditStreams)
      .set(pausedByRevocation(now))
      .where(and(sql`${auditStreams.id} IN ${streams}`, isNotRevoked, isWithin("audit_streams", descent))),
    // Somebody has to activate such a webhook again.
    db
      .update(webhooks)
      .set(disabledByRevocation())
      .where(and(sql`${webhooks.id} IN ${hooks}`, isNotDisabledYet, isWithin("webhooks", descent))),
    keepDescent(store, leaving, now),
    db.delete(members).where(leaving),
    ...shutConnections(store, openers, now),
  ] as const;
}

const disabled = (now: number) => ({
  disabledAt: sql`coalesce(${accessTokens.disabledAt}, ${now})`,
  disabledReason: "maker-leaked" as const,
  version: sql`${accessTokens.version} + 1`,
});

/** Precedes a statement that deletes memberships, see `formerMembers`. @param which condition on a row of `members` */
export const keepDescent = (store: Store, which: SQL, now: number) =>
  store.db
    .insert(formerMembers)
    .select(sql`SELECT org_id, user_id, made_with, created_at, ${now} FROM members WHERE ${and(isNotNull(members.madeWith), which)}`);

/**
 * Awaited before a revocation is answered: deletes cache entries, notifies running updates, and stores for each token that its end was
 * seen, for its receipt.
 * @param ended other credentials that ended, and how their running updates end; updates of descendants end in the same way
 */
export async function afterEnding(ctx: RequestContext, rows: EndedRow[], lost: LostRow[], ended: EndedTokens): Promise<void> {
  const tokens = rows.filter((row) => row.hash !== null);
  const hashes = new Set([...tokens.map((row) => row.hash!), ...lost.map((row) => row.hash)]);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [...hashes].slice(0, MOST_FORGOTTEN));
  for (const tokenIds of parts([...ended.tokenIds, ...tokens.map((row) => row.id)])) await ctx.tokensEnded({ ...ended, tokenIds });
  for (const orgId of new Set(lost.map((row) => row.orgId)))
    for (const tokenIds of parts(lost.filter((row) => row.orgId === orgId).map((row) => row.id)))
      await ctx.tokensEnded({ ...ended, tokenIds, orgId });
  // The request's own clock stopped at its arrival, which may be before the commit.
  const seenAt = Date.now();
  for (const ids of parts(tokens.filter((row) => row.orgId !== null).map((row) => row.id)))
    await batch(ctx.store, [
      ctx.store.db
        .update(accessTokens)
        .set({ deletionSeenAt: sql`coalesce(${accessTokens.deletionSeenAt}, ${seenAt})` })
        .where(and(sql`${accessTokens.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`, isNotNull(accessTokens.deletedAt))),
    ]);
}

const parts = (ids: string[]) =>
  Array.from({ length: Math.ceil(ids.length / MOST_IDS) }, (_, i) => ids.slice(i * MOST_IDS, (i + 1) * MOST_IDS));

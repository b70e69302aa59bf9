import { type SQL, and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError, notFound } from "../errors.ts";
import { type EndedRow, type LostRow, afterEnding, endBelow, keepDescent, readEnding } from "../lineage/end.ts";
import type { Descent } from "../lineage/ending.ts";
import { auditEnding, promisedEnding } from "../lineage/events.ts";
import { reportOf } from "../lineage/report.ts";
import type { RevocationReport } from "../lineage/openapi.ts";
import { accessTokens } from "../tokens/table.ts";
import { cancelInvitesOf } from "./invite.ts";
import { adminStays, currentRole, emergencyText, isMember, noneBut, notTheLastAdmin, tokensOf, withinReach } from "./members.ts";
import { oidcIssuers } from "../oidc/table.ts";
import { isNotRevoked, pausedByRevocation } from "../lineage/pausedStreams.ts";
import { shutConnections } from "../lineage/shutConnections.ts";
import { disabledByRevocation, isNotDisabledYet } from "../lineage/disabledWebhooks.ts";
import { auditStreams } from "../streams/table.ts";
import { webhooks } from "../webhooks/table.ts";
import { members } from "./table.ts";

/** Whether the organization tokens that a person's credentials created end when the person is removed. */
export const fates = ["revoke", "keep"] as const;
export type Fate = (typeof fates)[number];

/** Maximum number of things set up by the person that the event of the removal names. */
const MOST_NAMED = 100;

/** This message begins with the text of the refusal in the public contract. */
const LAST_ADMINISTRATOR = "You cannot remove yourself from the organization: it needs at least one administrator";

/**
 * Removes a member. The person's own tokens have no rights in the organization any more, and the person's pending invitations are canceled.
 * Organization tokens that the person's credentials created stay valid, unless `revoke` ends them together with the tokens and invitations
 * that they created. Everybody may leave, which means to remove oneself.
 * @returns what `revoke` ended
 * @throws 400 for the last administrator, 403 for a machine that would remove an administrator or end tokens
 */
export async function removeMember(ctx: OrgContext, login: string, fate?: Fate): Promise<RevocationReport | undefined> {
  const leaves = ctx.actor.kind === "user" && ctx.actor.user.login.toLowerCase() === login.toLowerCase();
  if (!leaves) await requireRight(ctx, "org_member:delete");
  if (fate === "revoke") await requireRight(ctx, "org_token:delete");
  const { store, now } = ctx;
  const happened = leaves ? `${login} left` : `Removed ${login}`;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: `${happened}.` });

  const mayGo = and(notTheLastAdmin(ctx), leaves ? undefined : withinReach(ctx))!;
  const [canceled, cancelPromise, cancelEvent] = cancelInvitesOf(ctx, login, noneBut(ctx, login, mayGo));
  const which = and(isMember(ctx, login), mayGo)!;
  const willLeave = sql`EXISTS (SELECT 1 FROM ${members} WHERE ${which})`;
  const roots = sql`(${madeBy(ctx, login)} AND ${willLeave})`;
  const descent: Descent = { roots, how: "delete", now, adminOf: [ctx.org.id], orgId: ctx.org.id, keepsMembers: true, namesRoots: true };
  const announcement = {
    event,
    orgIds: [ctx.org.id],
    rootsEnd: willLeave,
    sentence: sql`${happened} || ${setUpBy(ctx, login, willLeave)}`,
    listing: `, and ended what ${login} made: `,
  };
  // These statements come before the removal, in the same transaction, because they look up the person's membership.
  const first: BatchItem<"sqlite">[] =
    fate === "revoke"
      ? [
          ...readEnding(store, descent),
          auditEnding(store, descent, announcement),
          ...endBelow(store, descent),
          ...shutConnectionsOf(ctx, login, willLeave),
          disableIssuersOf(ctx, login, willLeave),
          pauseStreamsOf(ctx, login, willLeave),
          disableWebhooksOf(ctx, login, willLeave),
        ]
      : [];
  const results = await batch(store, [
    guard(store, ctx.actor, now, ctx.org.id),
    currentRole(ctx, login),
    ...first,
    keepDescent(store, which, now),
    store.db.delete(members).where(which).returning({ userId: members.userId }),
    auditIf(store, event, fate === "revoke" ? sql`0` : changedARow),
    tokensOf(ctx, login),
    canceled,
    cancelPromise,
  ]);
  const [, before, ...rest] = results as [unknown, unknown[], ...unknown[]];
  const [, removed, , tokens] = rest.slice(first.length) as [unknown, unknown[], unknown, { id: string; hash: string }[]];
  if (!before[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  if (!removed[0]) throw leaves ? new AppError(400, `${LAST_ADMINISTRATOR}${emergencyText(ctx)}.`) : await adminStays(ctx);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((t) => t.hash),
  );
  await ctx.tokensEnded({ tokenIds: tokens.map((t) => t.id), orgId: ctx.org.id });
  if (fate !== "revoke") {
    relaySoon(ctx, event, cancelEvent);
    return undefined;
  }
  const [rows, lost] = rest as [EndedRow[], LostRow[]];
  await afterEnding(ctx, rows, lost, { tokenIds: [] });
  relaySoon(ctx, ...promisedEnding(announcement, rows), cancelEvent);
  return reportOf(ctx.actor, rows);
}

/** SQL condition: what the person's credentials set up in the organization, and what keeps working without them. */
const isSetUpBy = ({ org }: OrgContext, login: string) => ({
  connection: sql`connections.org_id = ${org.id} AND connections.enabled AND connections.made_with IN ${credentialsOf(login)}`,
  issuer: sql`oidc_issuers.org_id = ${org.id} AND oidc_issuers.disabled_at IS NULL AND oidc_issuers.made_with IN ${credentialsOf(login)}`,
  stream: sql`audit_streams.org_id = ${org.id} AND ${isNotRevoked} AND audit_streams.made_with IN ${credentialsOf(login)}`,
  webhook: sql`webhooks.org_id = ${org.id} AND ${isNotDisabledYet} AND webhooks.made_with IN ${credentialsOf(login)}`,
});

/** The table `(what, name, id)` of what the person's credentials set up, for sentences. */
export function thingsSetUpBy(ctx: OrgContext, login: string): SQL {
  const is = isSetUpBy(ctx, login);
  return sql`(SELECT 'connection' AS what, name, id FROM connections WHERE ${is.connection}
    UNION ALL SELECT 'identity provider', name, id FROM oidc_issuers WHERE ${is.issuer}
    UNION ALL SELECT 'audit stream', name, id FROM audit_streams WHERE ${is.stream}
    UNION ALL SELECT 'webhook', name, id FROM webhooks WHERE ${is.webhook})`;
}

/** SQL: the part of the event's sentence that names what the person set up; "" for nothing. */
function setUpBy(ctx: OrgContext, login: string, willLeave: SQL): SQL {
  return sql`coalesce((SELECT ', disabled what ' || ${login} || ' set up (' || group_concat(what || ' "' || name || '" (' || id || ')', ', ') || ')'
    FROM (SELECT * FROM ${thingsSetUpBy(ctx, login)} LIMIT ${MOST_NAMED}) WHERE ${willLeave} HAVING count(*) > 0), '')`;
}

/**
 * A connection that the person's credentials set up opens the organization to every person whom its provider names, so it ends as after a
 * leak.
 */
const shutConnectionsOf = (ctx: OrgContext, login: string, willLeave: SQL) =>
  shutConnections(
    ctx.store,
    sql`(SELECT connections.id FROM connections WHERE ${isSetUpBy(ctx, login).connection} AND ${willLeave})`,
    ctx.now,
  );

/**
 * An identity provider that the person's credentials set up would go on creating tokens, so it is disabled. An administrator has to set its
 * policy again.
 */
const disableIssuersOf = (ctx: OrgContext, login: string, willLeave: SQL) =>
  ctx.store.db
    .update(oidcIssuers)
    .set({ disabledAt: ctx.now, version: sql`${oidcIssuers.version} + 1` })
    .where(and(isSetUpBy(ctx, login).issuer, willLeave));

const pauseStreamsOf = (ctx: OrgContext, login: string, willLeave: SQL) =>
  ctx.store.db
    .update(auditStreams)
    .set(pausedByRevocation(ctx.now))
    .where(and(isSetUpBy(ctx, login).stream, willLeave));

const disableWebhooksOf = (ctx: OrgContext, login: string, willLeave: SQL) =>
  ctx.store.db
    .update(webhooks)
    .set(disabledByRevocation())
    .where(and(isSetUpBy(ctx, login).webhook, willLeave));

const personId = (login: string) => sql`(SELECT id FROM users WHERE lower(login) = lower(${login}))`;
const credentialsOf = (login: string) => sql`(SELECT id FROM access_tokens AS own WHERE own.user_id = ${personId(login)})`;

/**
 * SQL condition on a row of `access_tokens`: an organization or team token that the person's credentials created. Older rows contain only
 * the login of their creator.
 */
export const madeBy = (ctx: OrgContext, login: string): SQL =>
  and(
    eq(accessTokens.orgId, ctx.org.id),
    sql`(${accessTokens.madeWith} IN ${credentialsOf(login)} OR ${accessTokens.madeWith} IS NULL AND lower(${accessTokens.createdBy}) = lower(${login}))`,
  )!;

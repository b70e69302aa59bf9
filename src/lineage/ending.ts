import { type SQL, and, isNull, sql } from "drizzle-orm";
import { isLeaked, notOver } from "../auth/lives.ts";
import { isNotDisabledYet } from "./disabledWebhooks.ts";
import { isNotRevoked } from "./pausedStreams.ts";
import { accessTokens } from "../tokens/table.ts";
import { type Reach, below, connectionsBelow, invitationsBelow, issuersBelow, streamsBelow, webhooksBelow } from "./below.ts";

/** The credentials to end, and the way they end. */
export interface Descent extends Reach {
  /**
   * `delete` ends the roots and all descendants permanently. `disable` is for a leak: the caller ends the roots, and an administrator can
   * rotate a disabled descendant, but not enable it.
   */
  how: "delete" | "disable";
  /** Only rows of this organization end. Absent: all rows. */
  orgId?: string;
  /** Members remain; tokens and invitations end. */
  keepsMembers?: true;
  /** The result names the roots, too. */
  namesRoots?: true;
}

/** Why the membership of a descendant does not end. */
export type Stays = "last administrator" | "last emergency administrator" | "established";

/** SQL condition: the row of this table belongs to the organization of the descent. */
export const isWithin = (
  table: "access_tokens" | "audit_streams" | "connections" | "invites" | "members" | "oidc_issuers" | "webhooks",
  { orgId }: Descent,
): SQL => (orgId === undefined ? sql`1` : sql`${sql.raw(table)}.org_id = ${orgId}`);

/** SQL condition on a row of `access_tokens`: the token can still end, because it is valid or could be enabled again. */
export const canEnd = ({ how, now }: Descent): SQL =>
  and(isNull(accessTokens.deletedAt), notOver(now), how === "disable" ? sql`NOT ${isLeaked}` : undefined)!;

/**
 * `WITH` and the table `ending (kind, id, org_id, user_id, name, stays, at)`: the rows that end besides the roots, and the members who
 * remain, with the reason in `stays`. If all administrators of an organization are descendants, the one with the oldest membership remains, and so does the
 * oldest emergency administrator of an organization that requires single sign-on.
 */
export const withEnding = (descent: Descent): SQL => sql`WITH RECURSIVE ${below(descent)},
ending(kind, id, org_id, user_id, name, stays, at) AS MATERIALIZED (
  SELECT access_tokens.kind, access_tokens.id, access_tokens.org_id, access_tokens.user_id, access_tokens.name, NULL, access_tokens.created_at
  FROM below CROSS JOIN access_tokens ON access_tokens.id = below.id
  WHERE below.kind = 'token' AND ${descent.namesRoots ? sql`1` : sql`NOT (${descent.roots})`} AND ${canEnd(descent)} AND ${isWithin("access_tokens", descent)}
  UNION ALL
  SELECT 'invitation', invites.id, invites.org_id, NULL, invites.role, NULL, invites.created_at
  FROM invites WHERE invites.id IN (${invitationsBelow}) AND invites.status = 'pending' AND ${isWithin("invites", descent)}
  UNION ALL
  SELECT * FROM (SELECT 'issuer', oidc_issuers.id, oidc_issuers.org_id, NULL, oidc_issuers.name, NULL, oidc_issuers.created_at
  FROM oidc_issuers WHERE oidc_issuers.id IN (${issuersBelow}) AND oidc_issuers.disabled_at IS NULL AND ${isWithin("oidc_issuers", descent)}
  UNION ALL
  SELECT 'stream', audit_streams.id, audit_streams.org_id, NULL, audit_streams.name, NULL, audit_streams.created_at
  FROM audit_streams WHERE audit_streams.id IN (${streamsBelow}) AND ${isNotRevoked} AND ${isWithin("audit_streams", descent)}
  UNION ALL
  SELECT 'webhook', webhooks.id, webhooks.org_id, NULL, webhooks.name, NULL, webhooks.created_at
  FROM webhooks WHERE webhooks.id IN (${webhooksBelow}) AND ${isNotDisabledYet} AND ${isWithin("webhooks", descent)}
  UNION ALL
  SELECT 'connection', connections.id, connections.org_id, NULL, connections.name, NULL, connections.created_at
  FROM connections WHERE connections.id IN (${connectionsBelow}) AND connections.enabled AND ${isWithin("connections", descent)})
  UNION ALL
  SELECT 'member', members.user_id, members.org_id, members.user_id, users.login,
    CASE WHEN below.kind = 'established' THEN 'established' WHEN ${isLastEmergency} THEN 'last emergency administrator'
      WHEN ${isLastAdministrator} THEN 'last administrator' END, members.created_at
  FROM below CROSS JOIN members ON members.org_id = below.org_id AND members.user_id = below.user_id CROSS JOIN users ON users.id = members.user_id
  WHERE below.kind IN ('member', 'established') AND ${descent.keepsMembers ? sql`0` : isWithin("members", descent)})`;

/** SQL condition on a row of `members`: its organization has another administrator, whose row `other` meets the condition `which`. */
const otherAdmin = (which: string) => `EXISTS (SELECT 1 FROM members AS other WHERE other.org_id = members.org_id AND other.role = 'admin'
      AND other.accepted_at IS NOT NULL AND ${which})`;
const STAYS = "(other.org_id, other.user_id) NOT IN (SELECT org_id, user_id FROM below WHERE kind = 'member')";
const IS_OLDER = "(other.created_at, other.user_id) < (members.created_at, members.user_id)";
const IS_EMERGENCY = "other.is_break_glass";
const REQUIRES_SSO = "(SELECT sso_required FROM organizations WHERE organizations.id = members.org_id) <> 'off'";
const isAdmin = "members.role = 'admin' AND members.accepted_at IS NOT NULL";

/** Without an emergency administrator, nobody could sign in when the identity provider fails. */
const isLastEmergency = sql.raw(`${isAdmin} AND members.is_break_glass AND ${REQUIRES_SSO}
    AND NOT ${otherAdmin(`${IS_EMERGENCY} AND ${STAYS}`)} AND NOT ${otherAdmin(`${IS_EMERGENCY} AND ${IS_OLDER}`)}`);

/** An emergency administrator who stays is an administrator, too. */
const isLastAdministrator = sql.raw(`${isAdmin} AND NOT (${REQUIRES_SSO} AND ${otherAdmin(IS_EMERGENCY)})
    AND NOT ${otherAdmin(STAYS)} AND NOT ${otherAdmin(IS_OLDER)}`);

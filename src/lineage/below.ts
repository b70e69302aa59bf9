import { type SQL, sql } from "drizzle-orm";
import type { UserActor } from "../context.ts";

/**
 * A member is established this long after joining, in milliseconds: only an administrator of the organization removes an established
 * member. Otherwise a thief of the first administrator's first token could remove all members years later.
 */
const ESTABLISHED = 30 * 86_400_000;

/** Ids of the organizations that a person administers, from the request's identity. */
export const administeredBy = ({ memberships }: UserActor): string[] =>
  memberships.filter(({ role }) => role === "admin").map(({ org }) => org.id);

/** The roots of a descent, and its limits. */
export interface Reach {
  /** The root credentials: a condition on a row of `access_tokens`, with the table's name before each column. */
  roots: SQL;
  /**
   * The roots and the tokens that they replaced by rotations: what those created descends from the roots too, and one that is still valid ends
   * with them. Absent: the roots.
   */
  line?: SQL;
  now: number;
  /** Ids of the organizations that the caller administers. */
  adminOf: string[];
}

/** SQL condition: the row of `below` created the row named `made`. */
const madeBelow: SQL = sql.raw(`made.made_with = below.id AND (below.kind = 'token'
      OR below.kind = 'maker' AND made.org_id = below.org_id AND (below.until IS NULL OR made.created_at <= below.until))`);

/**
 * The recursive table `below (kind, id, org_id, user_id, until)`: credentials, and everything that descends from them.
 * - `token`: a token descends from the token of the request that created or rotated it.
 * - `member`: a membership descends from the token that created it, or that created the invitation. `former`: a membership that has ended.
 * - `maker`: a token of such a member. Everything that it created in the organization, up to `until`, descends from the membership, because
 * the membership allowed it. The token itself does not descend from the membership.
 * - `established`: a membership where the descent stops.
 * Ended rows are included, because rows that they created may still be valid. `UNION` drops repeated rows, so a cycle ends. Invitations
 * create nothing: `invitationsBelow` finds them. The tokens that an identity provider creates descend from the token that set it up, so
 * `issuersBelow` finds it as well. D1 accepts five terms in a compound SELECT.
 */
export function below({ roots, line = roots, now, adminOf }: Reach): SQL {
  const isOpen = sql`(made.created_at > ${now - ESTABLISHED} OR made.org_id IN (SELECT value FROM json_each(${JSON.stringify(adminOf)})))`;
  return sql`below(kind, id, org_id, user_id, until) AS (
    SELECT 'token', id, org_id, user_id, NULL FROM access_tokens WHERE ${line}
    UNION SELECT 'token', made.id, made.org_id, made.user_id, NULL FROM below CROSS JOIN access_tokens AS made ON ${madeBelow}
    UNION SELECT CASE WHEN made.accepted_at IS NULL OR ${isOpen} THEN 'member' ELSE 'established' END, made.user_id, made.org_id, made.user_id, NULL
      FROM below CROSS JOIN members AS made ON ${madeBelow}
    UNION SELECT 'former', made.user_id, made.org_id, made.user_id, made.ended_at
      FROM below CROSS JOIN former_members AS made ON ${madeBelow} AND ${isOpen}
    UNION SELECT 'maker', token.id, below.org_id, token.user_id, below.until FROM below CROSS JOIN access_tokens AS token
      ON token.user_id = below.user_id AND below.kind IN ('member', 'former'))`;
}

/** Ids of the identity providers that a row of `below` created, or whose policy it set last. */
export const issuersBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN oidc_issuers AS made ON ${madeBelow}`;

/** Ids of the connections for single sign-on that a row of `below` created or changed last. */
export const connectionsBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN connections AS made ON ${madeBelow}`;
/** Ids of the audit streams that a row of `below` created, or whose destination it set last. */
export const streamsBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN audit_streams AS made ON ${madeBelow}`;

/** Ids of the webhooks that a row of `below` created, or whose destination it set last. */
export const webhooksBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN webhooks AS made ON ${madeBelow}`;

/** Ids of the invitations that a row of `below` created. */
export const invitationsBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN invites AS made ON ${madeBelow}`;

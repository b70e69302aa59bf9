import { type SQL, sql } from "drizzle-orm";
import type { UserActor } from "../context.ts";

/**
 * A member is established this long after the membership was made, in milliseconds: only an administrator of the organization removes an established
 * member. Otherwise the value of the first administrator's first token, found years later, could empty an organization.
 */
const ESTABLISHED = 30 * 86_400_000;

/** Ids of the organizations that a person administers, as the request knows. */
export const administeredBy = ({ memberships }: UserActor): string[] =>
  memberships.filter(({ role }) => role === "admin").map(({ org }) => org.id);

/** Where a descent begins, and how far it goes. */
export interface Reach {
  /** The credentials to begin with: a condition on a row of `access_tokens`, with the table's name before each column. */
  roots: SQL;
  now: number;
  /** Ids of the organizations that the caller administers. */
  adminOf: string[];
}

/** True of a row named `made` that the row of `below` made. */
const madeBelow: SQL = sql.raw(`made.made_with = below.id AND (below.kind = 'token'
      OR below.kind = 'maker' AND made.org_id = below.org_id AND (below.until IS NULL OR made.created_at <= below.until))`);

/**
 * The recursive table `below (kind, id, org_id, user_id, until)`: credentials, and everything that descends from them.
 * - `token`: a token descends from the token of the request that created or rotated it.
 * - `member`: a membership descends from the token that made it, or that made the invitation. `former`: one that has ended.
 * - `maker`: a token of such a person. What it made in the organization, up to `until`, descends from the membership, because the person acted there
 *   because of it. The token itself does not.
 * - `established`: a membership where the descent stops.
 * Rows that have ended are in it too, because what they made may be alive. `UNION` drops repeated rows, so a circle ends. Invitations make nothing:
 * they are found by `invitationsBelow`. D1 takes five terms in a compound.
 */
export function below({ roots, now, adminOf }: Reach): SQL {
  const isOpen = sql`(made.created_at > ${now - ESTABLISHED} OR made.org_id IN (SELECT value FROM json_each(${JSON.stringify(adminOf)})))`;
  return sql`below(kind, id, org_id, user_id, until) AS (
    SELECT 'token', id, org_id, user_id, NULL FROM access_tokens WHERE ${roots}
    UNION SELECT 'token', made.id, made.org_id, made.user_id, NULL FROM below CROSS JOIN access_tokens AS made ON ${madeBelow}
    UNION SELECT CASE WHEN made.accepted_at IS NULL OR ${isOpen} THEN 'member' ELSE 'established' END, made.user_id, made.org_id, made.user_id, NULL
      FROM below CROSS JOIN members AS made ON ${madeBelow}
    UNION SELECT 'former', made.user_id, made.org_id, made.user_id, made.ended_at
      FROM below CROSS JOIN former_members AS made ON ${madeBelow} AND ${isOpen}
    UNION SELECT 'maker', token.id, below.org_id, token.user_id, below.until FROM below CROSS JOIN access_tokens AS token
      ON token.user_id = below.user_id AND below.kind IN ('member', 'former'))`;
}

/** Ids of the invitations that something in `below` made. */
export const invitationsBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN invites AS made ON ${madeBelow}`;

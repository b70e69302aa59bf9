import { type SQL, sql } from "drizzle-orm";

/**
 * The recursive table `below (kind, id, org_id, user_id, until)`: credentials, and everything that descends from them.
 * - `token`: a token descends from the token of the request that created or rotated it.
 * - `member`: a membership descends from the token that made it, or that made the invitation. `former`: one that has ended.
 * - `maker`: a token of such a person. What it made in the organization, up to `until`, descends from the membership, because the person acted there
 *   because of it. The token itself does not.
 * Rows that have ended are in it too, because what they made may be alive. `UNION` drops repeated rows, so a circle ends. Invitations make nothing:
 * they are found by `invitationsBelow`. D1 takes five terms in a compound.
 * @param roots condition on a row of `access_tokens`, with the table's name before each column
 */
export const below = (roots: SQL): SQL => sql`below(kind, id, org_id, user_id, until) AS (
  SELECT 'token', id, org_id, user_id, NULL FROM access_tokens WHERE ${roots}
  UNION SELECT 'token', made.id, made.org_id, made.user_id, NULL FROM below CROSS JOIN access_tokens AS made ON ${madeBelow()}
  UNION SELECT 'member', made.user_id, made.org_id, made.user_id, NULL FROM below CROSS JOIN members AS made ON ${madeBelow()}
  UNION SELECT 'former', made.user_id, made.org_id, made.user_id, made.ended_at FROM below CROSS JOIN former_members AS made ON ${madeBelow("ended_at")}
  UNION SELECT 'maker', token.id, below.org_id, token.user_id, below.until FROM below CROSS JOIN access_tokens AS token
    ON token.user_id = below.user_id AND below.kind IN ('member', 'former'))`;

/** Ids of the invitations that something in `below` made. */
export const invitationsBelow: SQL = sql`SELECT made.id FROM below CROSS JOIN invites AS made ON ${madeBelow()}`;

/** True of a row named `made` that the row of `below` made. */
function madeBelow(at = "created_at"): SQL {
  return sql.raw(`made.made_with = below.id AND (below.kind = 'token'
    OR below.kind = 'maker' AND made.org_id = below.org_id AND (below.until IS NULL OR made.${at} <= below.until))`);
}

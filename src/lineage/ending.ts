import { type SQL, and, isNull, sql } from "drizzle-orm";
import { isLeaked, notOver } from "../auth/lives.ts";
import { accessTokens } from "../tokens/table.ts";
import { type Reach, below, invitationsBelow } from "./below.ts";

/** What ends together, and how. */
export interface Descent extends Reach {
  /**
   * `delete` ends the roots and everything below them for good. `disable` is for a leak: it leaves the roots to the caller, and an administrator can
   * rotate a token that it ended, but not enable it.
   */
  how: "delete" | "disable";
  /** Only what belongs to this organization ends. Absent: everything. */
  orgId?: string;
  /** Members stay; tokens and invitations end. */
  keepsMembers?: true;
  /** The roots are named as what ended, too. */
  namesRoots?: true;
}

/** Why a membership stays that descends from what ends. */
export type Stays = "last administrator" | "established";

/** True of a row of this table that belongs to the organization of the descent. */
export const isWithin = (table: "access_tokens" | "invites" | "members", { orgId }: Descent): SQL =>
  orgId === undefined ? sql`1` : sql`${sql.raw(table)}.org_id = ${orgId}`;

/** True of a row of `access_tokens` that can still end: alive, or disabled in a way that can be undone. */
export const canEnd = ({ how, now }: Descent): SQL =>
  and(isNull(accessTokens.deletedAt), notOver(now), how === "disable" ? sql`NOT ${isLeaked}` : undefined)!;

/**
 * `WITH` and the table `ending (kind, id, org_id, user_id, name, stays, at)`: what the descent ends besides its roots, and the members whom it leaves,
 * with the reason in `stays`. When all administrators of an organization are below, it keeps the one with the oldest membership.
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
  SELECT 'member', members.user_id, members.org_id, members.user_id, users.login,
    CASE WHEN below.kind = 'established' THEN 'established' WHEN ${isLastAdministrator} THEN 'last administrator' END, members.created_at
  FROM below CROSS JOIN members ON members.org_id = below.org_id AND members.user_id = below.user_id CROSS JOIN users ON users.id = members.user_id
  WHERE below.kind IN ('member', 'established') AND ${descent.keepsMembers ? sql`0` : isWithin("members", descent)})`;

const isLastAdministrator = sql.raw(`members.role = 'admin' AND members.accepted_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.org_id = members.org_id AND other.role = 'admin' AND other.accepted_at IS NOT NULL
      AND (other.org_id, other.user_id) NOT IN (SELECT org_id, user_id FROM below WHERE kind = 'member'))
    AND NOT EXISTS (SELECT 1 FROM members AS other WHERE other.org_id = members.org_id AND other.role = 'admin' AND other.accepted_at IS NOT NULL
      AND (other.created_at, other.user_id) < (members.created_at, members.user_id))`);

import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { members, organizations } from "../orgs/table.ts";
import { customRoles } from "../roles/table.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import type { Edit } from "./tables.ts";

/** Rights to read what an answer can contain. Each caller may list the members and the names of the teams. */
export const reads = ["role:read", "team:read", "stack_access:read", "org_token:read", "team:list_tokens", "oidc_issuers:read"] as const;
type ReadRight = (typeof reads)[number];

/**
 * The parts of an answer that its caller may read by the ordinary operations: who holds a role, who is in a team, and who has which rights.
 * A missing entry would reveal the same, because a subject that already has a right does not gain it.
 */
export interface Sight {
  /** Whether the caller may read who has what the change gives or takes. Without that, the answer names and counts nobody. */
  any: boolean;
  /** Rights on the whole organization, which follow from roles and teams. */
  organization: boolean;
  /** Who administers which team. */
  teams: boolean;
  /** The reading rights that the caller does not have on the whole organization. They do not depend on what exists. */
  missing: ReadRight[];
}

/** The tables whose changes give rights to the holders of roles, and those whose changes give rights to members of teams. */
const ofRoles = new Set<SQLiteTable>([organizations, customRoles, members, teamRoles]);
const ofTeams = new Set<SQLiteTable>([organizations, customRoles, teams, teamMembers, teamRoles, accessTokens]);

/** Everybody may list the members, so the end of a membership reveals no more than the rights that the person had. */
const isOfRoles = ({ table, how }: Edit) => ofRoles.has(table) && !(table === members && how === "delete");

const isOfTeams = ({ table, rows }: Edit) =>
  ofTeams.has(table) || (table === stackGrants && rows.some(({ granteeKind }) => granteeKind === "team"));

export function sightOf(ctx: OrgContext, edits: Edit[]): Sight {
  const missing = reads.filter((right) => !has(ctx, right));
  const [roles, inTeams] = [!missing.includes("role:read"), !missing.includes("team:read")];
  return {
    any: (roles || !edits.some(isOfRoles)) && (inTeams || !edits.some(isOfTeams)),
    organization: roles && inTeams,
    teams: inTeams,
    missing,
  };
}

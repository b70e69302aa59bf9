import { type SQL, or, sql } from "drizzle-orm";
import { type Question, type Source, noLimits, reasonsFor } from "../auth/explain.ts";
import type { OrgContext } from "../context.ts";
import { grantPermissions } from "../teams/table.ts";
import { type TokenRole, tokenRoles } from "../tokens/table.ts";
import { type Givers, holderOf, sourcesOfRole, sourcesOfTeam } from "./holders.ts";
import { isOneOf, memberRoleId } from "./queries.ts";

/** Everything in an organization that gives a right on a stack. The database selects people and tokens by it. */
export interface Giving {
  builtInRoles: TokenRole[];
  /** Ids of custom roles, and of all custom roles that there are. */
  roles: string[];
  known: string[];
  /** Ids of teams that give it by a role or by a grant. */
  teams: string[];
  /** The grants that give it. */
  grants: number[];
}

export function givingOf(ctx: OrgContext, givers: Givers, question: Question): Giving {
  const gives = (sources: Source[]) => reasonsFor(holderOf(ctx, "user", noLimits, sources), question).length > 0;
  const known = [...givers.roles.keys()];
  const byRole = (role: TokenRole, roleId: string | null) => gives(sourcesOfRole(ctx, givers, { role, roleId, isDefault: false }));
  return {
    builtInRoles: tokenRoles.filter((role) => byRole(role, null)),
    roles: known.filter((id) => byRole("member", id)),
    known,
    teams: [...givers.teams.keys()].filter((id) => gives(sourcesOfTeam(givers, id))),
    grants: grantPermissions.filter((permission) => gives([{ by: "direct-grant", permission }])),
  };
}

/** SQL condition on a row of `members`: something gives the right to the person. */
export const givesToPerson = (giving: Giving, stackId: SQL): SQL | undefined =>
  or(
    byRole(giving, sql`members.role`, memberRoleId),
    sql`EXISTS (SELECT 1 FROM team_members WHERE team_members.user_id = members.user_id AND ${isOneOf(sql`team_id`, giving.teams)})`,
    byGrant(giving, stackId, sql`grantee_kind = 'user' AND grantee_id = members.user_id`),
  );

/** SQL condition on a row of `access_tokens`: something gives the right to the token. It does not check the token's limits. */
export const givesToToken = (giving: Giving, stackId: SQL): SQL | undefined =>
  or(
    byRole(giving, sql`access_tokens.role`, sql`access_tokens.role_id`),
    isOneOf(sql`access_tokens.team_id`, giving.teams),
    byGrant(giving, stackId, sql`grantee_kind = 'token' AND grantee_id = coalesce(access_tokens.family_id, access_tokens.id)`),
  );

/** A custom role that does not exist any more counts as the built-in one. */
const byRole = ({ builtInRoles, roles, known }: Giving, role: SQL, roleId: SQL) =>
  sql`(${isOneOf(roleId, roles)} OR ${isOneOf(role, builtInRoles)} AND (${roleId} IS NULL OR NOT ${isOneOf(roleId, known)}))`;

const byGrant = ({ grants }: Giving, stackId: SQL, isGrantee: SQL) =>
  sql`EXISTS (SELECT 1 FROM stack_grants WHERE stack_id = ${stackId} AND ${isGrantee} AND ${isOneOf(sql`permission`, grants)})`;

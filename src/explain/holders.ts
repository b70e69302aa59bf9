/** The roles, teams and grants of somebody, in the form that `auth/explain.ts` uses. Pure. */
import type { ScopeGrant } from "../access/descriptor.ts";
import { type Holder, type Source, noLimits } from "../auth/explain.ts";
import { membershipOf } from "../auth/policy.ts";
import type { OrgContext, TokenLimits } from "../context.ts";
import type { GrantPermission } from "../teams/table.ts";
import type { TokenRole } from "../tokens/table.ts";
import type { PersonRow, RoleRow, TeamRow, TokenRow } from "./queries.ts";

/** Custom roles and teams, by id. */
export interface Givers {
  roles: Map<string, { name: string; grants: ScopeGrant[] }>;
  teams: Map<string, TeamRow>;
}

export const giversOf = (roles: RoleRow[], teamRows: TeamRow[]): Givers => ({
  roles: new Map(roles.map((role) => [role.id, role])),
  teams: new Map(teamRows.map((team) => [team.id, team])),
});

/** The rights that a team gives to its members and tokens. */
export function sourcesOfTeam({ roles, teams: all }: Givers, teamId: string): Source[] {
  const team = all.get(teamId);
  if (!team) return [];
  const given = team.roleIds.flatMap((id) => roles.get(id) ?? []);
  return [
    ...given.map(({ name, grants }) => ({ by: "team-role" as const, team: team.name, role: name, grants })),
    ...(team.grant === null ? [] : [{ by: "team-grant" as const, team: team.name, permission: team.grant }]),
  ];
}

/** The rights of a role, custom or built-in. A custom role that does not exist any more counts as the built-in one. */
export function sourcesOfRole(
  ctx: OrgContext,
  { roles }: Givers,
  { role, roleId, isDefault }: { role: TokenRole; roleId: string | null; isDefault: boolean },
): Source[] {
  const custom = roleId === null ? undefined : roles.get(roleId);
  if (custom) return [{ by: "custom-role", role: custom.name, isDefault, grants: custom.grants }];
  const permission = membershipOf(ctx).settings.defaultStackPermission;
  return [{ by: "role", role }, ...(role === "member" && permission !== 0 ? [{ by: "default-permission" as const, permission }] : [])];
}

const ownGrant = (permission: GrantPermission | null): Source[] =>
  permission === null ? [] : [{ by: permission === 104 ? "creator-grant" : "direct-grant", permission }];

export const ofPerson = (ctx: OrgContext, givers: Givers, row: PersonRow): Holder =>
  holderOf(ctx, "user", noLimits, [
    ...sourcesOfRole(ctx, givers, { ...row, isDefault: row.isDefault === 1 }),
    ...row.teamIds.flatMap((id) => sourcesOfTeam(givers, id)),
    ...ownGrant(row.grant),
  ]);

/** Somebody who has nothing but what the team gives. */
export const ofTeam = (ctx: OrgContext, givers: Givers, teamId: string): Holder =>
  holderOf(ctx, "user", noLimits, sourcesOfTeam(givers, teamId));

export const ofToken = (ctx: OrgContext, givers: Givers, row: TokenRow): Holder =>
  holderOf(ctx, row.kind, { ...noLimits, isExempt: false, expiresAt: row.expiresAt, stackRules: row.stackRules }, [
    ...sourcesOfRole(ctx, givers, { ...row, isDefault: false }),
    ...(row.teamId === null ? [] : sourcesOfTeam(givers, row.teamId)),
    ...(row.kind === "organization" ? ownGrant(row.grant) : []),
  ]);

/** The question does not say from where a call would come, so the networks of the organization are left out. */
export function holderOf(ctx: OrgContext, kind: Holder["kind"], limits: TokenLimits, sources: Source[]): Holder {
  const settings = { ...membershipOf(ctx).settings, allowedCidrs: [], allowedCountries: [] };
  return { kind, org: ctx.org, settings, limits, sources };
}

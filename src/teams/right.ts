import { type SQL, and, eq, inArray, sql } from "drizzle-orm";
import type { ScopeGrant } from "../access/descriptor.ts";
import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { circumstancesOf, editionFault, hasEverything } from "../auth/editions.ts";
import { guarded } from "../auth/guard.ts";
import { isStackGranted } from "../auth/onStack.ts";
import { mayAs, membershipOf, rightsOfGrant, rightsOfMembers } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import { requireRight } from "../auth/right.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import { customRoles } from "../roles/table.ts";
import { stacks } from "../stacks/table.ts";
import type { Team } from "./find.ts";
import { type GrantPermission, grantPermissions, teamRoles } from "./table.ts";

/** Whether the caller has the built-in role of an administrator, who may give away everything. */
export const isAdministrator = (ctx: OrgContext): boolean => {
  const { role, custom } = membershipOf(ctx);
  return role === "admin" && custom === null;
};

/**
 * For what an administrator of the team may do as well as a caller with the right. The team was found in this request, see `findTeam`.
 * @throws 403
 */
export async function requireTeamRight(ctx: OrgContext, team: Team, permission: OrgPermission): Promise<void> {
  const { settings } = membershipOf(ctx);
  const { defaultEdition, now } = circumstancesOf(ctx);
  const fault = editionFault(permission);
  if (fault && !hasEverything(settings, defaultEdition, now)) throw fault;
  if (team.callerRole !== "admin") await requireRight(ctx, permission);
}

/** What nobody can give away who does not have it. An administrator has all of it. */
interface Given {
  /** Rights in the organization, on all of its stacks. */
  rights?: OrgPermission[];
  /** What a custom role grants. */
  grants?: ScopeGrant[];
}

/** Whether the caller has the rights of these grants of custom roles in the whole organization. Rights that we do not know count, too. */
export function coversScopes(ctx: OrgContext, { rights = [], grants = [] }: Given): boolean {
  if (isAdministrator(ctx)) return true;
  const place = membershipOf(ctx);
  const isLimited = ctx.actor.limits.stackRules !== null;
  const named = [...(place.custom?.grants ?? []), ...place.ofTeams].flatMap(({ scopes, rules }) => (rules === null ? scopes : []));
  const held = new Set([...named, ...orgPermissions.filter((permission) => mayAs(place, permission))]);
  return [...rights, ...grants.flatMap(({ scopes }) => scopes)].every(
    (scope) => held.has(scope) && !(isLimited && scope.startsWith("stack")),
  );
}

/**
 * For making somebody or something one of a team: whoever is no administrator, and not of the team, must have what the team has, so that
 * nobody climbs by a team.
 * @param besides what comes with it besides
 * @throws 403
 */
export async function requireTeamsRights(ctx: OrgContext, team: Team, besides: OrgPermission[] = []): Promise<void> {
  if (isAdministrator(ctx)) return;
  if (!coversScopes(ctx, { rights: besides })) throw await beyondOwnRights(ctx, "team:update");
  if (team.callerRole === "admin") return;
  const { db } = ctx.store;
  const [roles, beyond] = await guarded(ctx, [
    db
      .select({ grants: customRoles.grants })
      .from(customRoles)
      .where(inArray(customRoles.id, db.select({ id: teamRoles.roleId }).from(teamRoles).where(eq(teamRoles.teamId, team.id)))),
    db
      .select({ id: stacks.id })
      .from(stacks)
      .where(
        sql`${sql.join(
          grantPermissions.map(
            (grant) => sql`EXISTS (SELECT 1 FROM stack_grants AS theirs WHERE theirs.stack_id = stacks.id AND theirs.grantee_kind = 'team'
          AND theirs.grantee_id = ${team.id} AND theirs.permission = ${grant}) AND NOT ${hasRightsOf(ctx, grant)}`,
          ),
          sql` OR `,
        )}`,
      )
      .limit(1),
  ]);
  if (beyond[0] || !coversScopes(ctx, { grants: roles.flatMap(({ grants }) => grants) })) throw await beyondOwnRights(ctx, "team:update");
}

/** What a token of a team has besides the team's roles and grants. */
export const rightsOfTeamTokens = (ctx: OrgContext): OrgPermission[] => rightsOfMembers(membershipOf(ctx).settings);

/** The 403 for a caller who would give more than it has, once the log knows of it. */
export async function beyondOwnRights(ctx: OrgContext, permission: OrgPermission) {
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, permission);
  return forbidden(
    "You do not have permission to perform this operation: it would give rights that you do not have yourself. Only an administrator of the organization may do that.",
  );
}

/** True of a row of `stacks` on which the caller has everything that a grant opens. */
export const hasRightsOf = (ctx: OrgContext, grant: GrantPermission): SQL => hasOnStack(ctx, rightsOfGrant(grant), grant === 101);

/** True of a row of `stacks` on which the caller has these rights. @param readOnly they are those of a preview */
export function hasOnStack(ctx: OrgContext, permissions: OrgPermission[], readOnly = false): SQL {
  const place = membershipOf(ctx);
  const { stackRules } = ctx.actor.limits;
  const wide = stackRules?.filter(({ access }) => access === "write" || (readOnly && access === "preview")) ?? null;
  const byStack = permissions.filter((permission) => !mayAs(place, permission));
  const all = and(
    isVisible(wide, sql`stacks.project`, sql`stacks.name`),
    ...byStack.map((permission) => isStackGranted(ctx.actor, [place], permission)),
  );
  return sql`(${all ?? sql`1`})`;
}

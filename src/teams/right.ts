import { type SQL, and, sql } from "drizzle-orm";
import type { OrgPermission } from "../access/permissions.ts";
import { guarded, rely } from "../auth/guard.ts";
import { isStackGranted } from "../auth/onStack.ts";
import { isPersonOnly, mayAs, mayGiveEverything, membershipOf, rightsOfGrant, rightsOfRole } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import { missingIn, requireRight } from "../auth/right.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import { requireScopes } from "../roles/beyond.ts";
import { scopesIn } from "../roles/compile.ts";
import type { Team } from "./find.ts";
import { readTeamRoles } from "./readRoles.ts";
import { type GrantPermission, grantPermissions } from "./table.ts";

/**
 * Requires a right of the organization, unless the caller is an administrator of the team. `findTeam` must have read the team in this request.
 * @throws 403
 */
export async function requireTeamRight(ctx: OrgContext, team: Pick<Team, "callerRole">, permission: OrgPermission): Promise<void> {
  const fault = missingIn(ctx, permission);
  if (fault) throw fault;
  if (team.callerRole !== "admin") await requireRight(ctx, permission);
}

/** Whether the caller has the team's rights as its administrator. A credential that is limited to stacks has them on these stacks only. */
export const hasTeamsRights = ({ actor }: OrgContext, { callerRole }: Team): boolean =>
  callerRole === "admin" && actor.limits.stackRules === null;

/**
 * Requires the rights of the team from a caller who adds a member or a token to it. Otherwise the caller could get more rights through the
 * team. Administrators of the organization may always do this, and administrators of the team have its rights already, unless the credential
 * is limited to stacks.
 * @param besides further rights that the new member or token gets
 * @throws 403
 */
export async function requireTeamsRights(ctx: OrgContext, team: Team, besides: OrgPermission[] = []): Promise<void> {
  if (mayGiveEverything(ctx.actor, membershipOf(ctx))) return;
  await requireScopes(ctx, besides, [], "team:update");
  if (hasTeamsRights(ctx, team)) return;
  const roles = await readTeamRoles(ctx, team.id);
  await requireScopes(
    ctx,
    roles.flatMap(({ grants }) => scopesIn(grants)),
    [],
    "team:update",
  );
  const beyond = sql.join(
    grantPermissions.map((grant) => sql`theirs.permission = ${grant} AND NOT ${hasRightsOf(ctx, grant)}`),
    sql` OR `,
  );
  const covered = sql`NOT EXISTS (SELECT 1 FROM stack_grants AS theirs JOIN stacks ON stacks.id = theirs.stack_id
    WHERE theirs.grantee_kind = 'team' AND theirs.grantee_id = ${team.id} AND (${beyond}))`;
  const [found] = await guarded(ctx, [ctx.store.db.select({ covered: sql<number>`${covered}`.as("covered") }).from(sql`(SELECT 1)`)]);
  if (!found[0]?.covered) throw await beyondOwnRights(ctx, "team:update");
  rely(ctx, covered);
}

/** The rights of an administrator of a team, on that team. */
export const rightsOfTeamAdministrators: OrgPermission[] = ["team:update", "team:list_tokens", "team:create_token", "team:delete_token"];

/** The rights of a team token besides the roles and grants of its team. */
export const rightsOfTeamTokens = (ctx: OrgContext): OrgPermission[] =>
  rightsOfRole("member", membershipOf(ctx).settings).filter((permission) => !isPersonOnly(permission));

/** Records that a caller tried to give more rights than it has, and returns the 403. */
export async function beyondOwnRights(ctx: OrgContext, permission: OrgPermission) {
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, permission);
  return forbidden(
    "You do not have permission to perform this operation: it would give rights that you do not have yourself. Only an administrator of the organization may do that.",
  );
}

/** SQL condition on a row of `stacks`: the caller has all rights of a grant there. */
export const hasRightsOf = (ctx: OrgContext, grant: GrantPermission): SQL => hasOnStack(ctx, rightsOfGrant(grant), grant === 101);

/** SQL condition on a row of `stacks`: the caller has these rights there. @param readOnly whether they are the rights of a preview */
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

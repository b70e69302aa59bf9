import { sql } from "drizzle-orm";
import { guarded, rely } from "../auth/guard.ts";
import { type OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { teamMemberRoles, teams } from "./table.ts";

/** The caller's role in a team. A machine has none. */
export const callerRoles = ["none", ...teamMemberRoles] as const;

/** Columns of a team, and the caller's role in it. */
export const teamColumns = ({ actor }: OrgContext) => ({
  id: sql<string>`teams.id`.as("team_id"),
  name: sql<string>`teams.name`.as("team_name"),
  displayName: teams.displayName,
  description: sql<string>`teams.description`.as("team_description"),
  kind: sql<(typeof teams.$inferSelect)["kind"]>`teams.kind`.as("team_kind"),
  callerRole: sql<(typeof callerRoles)[number]>`coalesce((SELECT role FROM team_members
    WHERE team_members.team_id = teams.id AND team_members.user_id = ${actor.kind === "user" ? actor.user.id : ""}), 'none')`.as(
    "caller_role",
  ),
});

/** The query of one team of the call's organization by its name; upper and lower case are equal. */
export const teamQuery = (ctx: OrgContext, name: string) => ctx.store.db.select(teamColumns(ctx)).from(teams).where(isTeam(ctx, name));

export const isTeam = ({ org }: OrgContext, name: string) => sql`teams.org_id = ${org.id} AND lower(teams.name) = lower(${name})`;

export type Team = Awaited<ReturnType<typeof teamQuery>>[number];

export const teamNotFound = (name: string) => notFound(`Team '${name.slice(0, 100)}'`);

/**
 * Reads a team by its name. If the caller is its administrator, that is still so when a later guard of the call passes.
 * @throws 404 if the organization has no team of that name
 */
export async function findTeam(ctx: OrgContext, name: string): Promise<Team> {
  const [rows] = await guarded(ctx, [teamQuery(ctx, name)]);
  const team = rows[0];
  if (!team) throw teamNotFound(name);
  if (ctx.actor.kind === "user" && team.callerRole === "admin")
    rely(ctx, sql`EXISTS (SELECT 1 FROM team_members WHERE team_id = ${team.id} AND user_id = ${ctx.actor.user.id} AND role = 'admin')`);
  return team;
}

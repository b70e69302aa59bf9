import { sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { members } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { users } from "../users/table.ts";
import { toPerson } from "./create.ts";
import { type Team, isTeam, teamColumns, teamNotFound, teamQuery } from "./find.ts";
import { type GrantPermission, type teamMemberRoles, teamMembers, teamRoles, teams } from "./table.ts";

const summaryOf = ({ kind, name, displayName, description, callerRole }: Team) => ({
  kind,
  name,
  displayName,
  description,
  userRole: callerRole,
});

/** Lists the teams by name, without members and stacks. */
export async function listTeams(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(teamColumns(ctx))
      .from(teams)
      .where(sql`teams.org_id = ${ctx.org.id}`)
      .orderBy(sql`lower(teams.name)`),
  ]);
  return { teams: rows.map(summaryOf) };
}

/** Returns a team with its members, and with those of its stacks that the caller may know. */
export async function getTeam(ctx: OrgContext, name: string) {
  const { db } = ctx.store;
  const id = sql`(SELECT id FROM teams WHERE ${isTeam(ctx, name)})`;
  const [found, people, granted, roles] = await guarded(ctx, [
    teamQuery(ctx, name),
    db
      .select({
        login: users.login,
        name: users.name,
        role: sql<(typeof teamMemberRoles)[number]>`${teamMembers.role}`.as("role_in_team"),
      })
      .from(teamMembers)
      .innerJoin(users, sql`${users.id} = ${teamMembers.userId}`)
      .where(sql`${teamMembers.teamId} = ${id}`)
      .orderBy(teamMembers.createdAt, users.login),
    db
      .select({ projectName: stacks.project, stackName: stacks.name, permission: permissionOf(sql`${id}`) })
      .from(stacks)
      .where(
        sql`stacks.id IN (SELECT stack_id FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id = ${id}) AND stacks.deleted_at IS NULL
          AND ${visibleHere(ctx) ?? sql`1`}`,
      )
      .orderBy(stacks.project, stacks.name),
    db
      .select({ id: teamRoles.roleId })
      .from(teamRoles)
      .where(sql`team_id = ${id}`)
      .orderBy(teamRoles.roleId),
  ]);
  const team = found[0];
  if (!team) throw teamNotFound(name);
  return {
    ...summaryOf(team),
    members: people.map(({ role, ...person }) => ({ ...toPerson(person), role })),
    stacks: granted,
    roleIds: roles.map((role) => role.id),
  };
}

const permissionOf = (teamId: ReturnType<typeof sql>) =>
  sql<GrantPermission>`(SELECT permission FROM stack_grants WHERE stack_grants.stack_id = stacks.id AND grantee_kind = 'team'
    AND grantee_id = ${teamId})`.as("permission");

/** Lists the names of a member's teams. @throws 404 for a person who is not a member of the organization */
export async function teamsOfMember(ctx: OrgContext, login: string) {
  const { db } = ctx.store;
  const person = sql`(SELECT id FROM users WHERE lower(login) = lower(${login}))`;
  const [found, rows] = await guarded(ctx, [
    db
      .select({ id: members.userId })
      .from(members)
      .where(sql`org_id = ${ctx.org.id} AND user_id = ${person}`),
    db
      .select({ name: teams.displayName })
      .from(teams)
      .where(sql`org_id = ${ctx.org.id} AND id IN (SELECT team_id FROM team_members WHERE user_id = ${person})`)
      .orderBy(sql`lower(name)`),
  ]);
  if (!found[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  return { teams: rows.map(({ name }) => name) };
}

import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { members } from "../orgs/table.ts";
import { teamRoles, teams } from "../teams/table.ts";
import { users } from "../users/table.ts";
import { type BuiltInRole, findRole, roleId } from "./builtIn.ts";
import { findSet } from "./builtInSets.ts";
import { thatRole } from "./record.ts";
import { customRoles } from "./table.ts";

/** Maximum number of people or teams in an answer. The contract has no pages here. */
const MOST = 10_000;

/** Lists the people to whom the role was assigned, without those who only have it as the default role. */
export async function listUsersWithRole(ctx: OrgContext, id: string) {
  const [found, people] = await guarded(ctx, [
    exists(ctx, id),
    ctx.store.db
      .select({ githubLogin: users.login, name: users.name })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.orgId, ctx.org.id), hasRole(ctx, id)))
      .orderBy(users.login)
      .limit(MOST),
  ]);
  requireRole(ctx, id, found);
  return { users: people.map((person) => ({ ...person, avatarUrl: "" })) };
}

/** Members without another role have the built-in Member by default, so only explicit assignments count. */
function hasRole(ctx: OrgContext, id: string) {
  const builtIn = findRole(ctx.org.id, id);
  if (!builtIn) return eq(members.roleId, id);
  return builtIn === "member" ? eq(members.roleId, roleId(ctx.org.id, builtIn)) : sql`${members.role} = ${builtIn}`;
}

export async function listTeamsWithRole(ctx: OrgContext, id: string) {
  const [found, having] = await guarded(ctx, [
    exists(ctx, id),
    ctx.store.db
      .select({ kind: teams.kind, name: teams.name, displayName: teams.displayName, description: teams.description })
      .from(teams)
      .innerJoin(teamRoles, eq(teamRoles.teamId, teams.id))
      .where(and(eq(teams.orgId, ctx.org.id), eq(teamRoles.roleId, id)))
      .orderBy(teams.name)
      .limit(MOST),
  ]);
  requireRole(ctx, id, found);
  return { teams: having.map((team) => ({ ...team, userRole: "none" as const })) };
}

export const exists = (ctx: OrgContext, id: string) =>
  ctx.store.db.select({ id: customRoles.id }).from(customRoles).where(thatRole(ctx, id));

/** @returns the built-in role with that id, if there is one @throws 404 for an id that this organization does not have */
export function requireRole(ctx: OrgContext, id: string, found: { id: string }[]): BuiltInRole | undefined {
  const builtIn = findRole(ctx.org.id, id);
  if (!builtIn && !findSet(ctx.org.id, id) && !found[0]) throw notFound("Role");
  return builtIn;
}

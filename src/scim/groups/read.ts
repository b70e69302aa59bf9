import { and, asc, eq, isNull, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { teams } from "../../teams/table.ts";
import { noResource } from "../fault.ts";
import type { MemberRow } from "../render.ts";
import { scimGroupMembers, scimGroups, scimUsers } from "../table.ts";

/** SQL condition: the row is a group of the organization that is not deleted. */
export const isHere = (ctx: OrgContext) => and(eq(scimGroups.orgId, ctx.org.id), isNull(scimGroups.deletedAt));

export const groupColumns = {
  id: scimGroups.id,
  teamId: scimGroups.teamId,
  externalId: scimGroups.externalId,
  createdAt: scimGroups.createdAt,
  modifiedAt: scimGroups.modifiedAt,
  version: scimGroups.version,
  displayName: teams.displayName,
  teamName: sql<string>`teams.name`.as("team_name"),
  members: sql<number>`(SELECT count(*) FROM scim_group_members WHERE scim_group_members.team_id = scim_groups.team_id)`.as("member_count"),
};

/** The query of groups, each with its team. */
export const groupQuery = (ctx: OrgContext) =>
  ctx.store.db.select(groupColumns).from(scimGroups).innerJoin(teams, eq(teams.id, scimGroups.teamId)).$dynamic();

export type StoredGroup = Awaited<ReturnType<typeof groupQuery>>[number];

/** Reads a group without its members. @throws 404 */
export async function readGroup(ctx: OrgContext, id: string): Promise<StoredGroup> {
  const [rows] = await guarded(ctx, [groupQuery(ctx).where(and(eq(scimGroups.id, id), isHere(ctx)))]);
  const row = rows[0];
  if (!row) throw noResource("group", id);
  return row;
}

/** The members of groups, in the order in which they were created. */
export async function readMembers(ctx: OrgContext, teamIds: string[]): Promise<Map<string, MemberRow[]>> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ teamId: scimGroupMembers.teamId, id: scimUsers.id })
      .from(scimGroupMembers)
      .innerJoin(scimUsers, eq(scimUsers.id, scimGroupMembers.scimUserId))
      .where(sql`${scimGroupMembers.teamId} IN (SELECT value FROM json_each(${JSON.stringify(teamIds)}))`)
      .orderBy(asc(scimUsers.createdAt), asc(scimUsers.id)),
  ]);
  const members = new Map<string, MemberRow[]>(teamIds.map((id) => [id, []]));
  for (const { teamId, ...member } of rows) members.get(teamId)?.push(member);
  return members;
}

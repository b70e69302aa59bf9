import { type SQL, sql } from "drizzle-orm";
import type { OrgContext } from "../../context.ts";
import { failUnless } from "../../db/client.ts";
import { teamMembers } from "../../teams/table.ts";
import { MOST_MEMBERS, type MemberChange } from "../group.ts";
import { scimGroupMembers, scimUsers } from "../table.ts";

/**
 * Statements that change the members of a group, and those of its team: the active ones of them. They are one statement for each kind of change,
 * whatever the number, and the order of two calls does not matter (identity-facts C-41, C-42).
 * @param teamId SQL for the id of the team
 */
export function changeMembers(ctx: OrgContext, teamId: SQL, { isWhole, add, remove }: MemberChange) {
  const { db } = ctx.store;
  const added = JSON.stringify(add);
  const leaving = isWhole
    ? sql`scim_user_id NOT IN (SELECT value FROM json_each(${added}))`
    : sql`scim_user_id IN (SELECT value FROM json_each(${JSON.stringify(remove)}))`;
  const isAdded = sql`scim_users.id IN (SELECT value FROM json_each(${added})) AND scim_users.org_id = ${ctx.org.id} AND scim_users.deleted_at IS NULL`;
  return [
    ...(isWhole || remove.length > 0
      ? [
          db.delete(teamMembers).where(
            sql`team_id = ${teamId} AND user_id IN (SELECT scim_users.user_id FROM scim_users
              JOIN scim_group_members ON scim_user_id = scim_users.id WHERE scim_group_members.team_id = ${teamId} AND ${leaving})`,
          ),
          db.delete(scimGroupMembers).where(sql`team_id = ${teamId} AND ${leaving}`),
        ]
      : []),
    ...(add.length > 0
      ? [
          db
            .insert(scimGroupMembers)
            .select(sql`SELECT ${teamId}, scim_users.id FROM scim_users WHERE ${isAdded}`)
            .onConflictDoNothing(),
          db
            .insert(teamMembers)
            .select(
              sql`SELECT ${teamId}, scim_users.user_id, 'member', ${ctx.now}, NULL FROM scim_users
                JOIN members ON members.org_id = scim_users.org_id AND members.user_id = scim_users.user_id WHERE ${isAdded} AND scim_users.active`,
            )
            .onConflictDoNothing(),
          db
            .select({ holds: failUnless(sql`(SELECT count(*) FROM scim_group_members WHERE team_id = ${teamId}) <= ${MOST_MEMBERS}`) })
            .from(sql`(SELECT 1)`),
        ]
      : []),
  ];
}

/** The users whom a change would add to a group, and those whom it would remove, by name. @param teamId null for a new group */
export function differenceQueries(ctx: OrgContext, teamId: string | null, change: MemberChange) {
  const { db } = ctx.store;
  const named = db.select({ userName: scimUsers.userName }).from(scimUsers).$dynamic();
  const gone = db.select({ userName: scimUsers.userName }).from(scimUsers).$dynamic();
  const inGroup = sql`scim_users.id IN (SELECT scim_user_id FROM scim_group_members WHERE team_id = ${teamId})`;
  const isAdded = sql`scim_users.id IN (SELECT value FROM json_each(${JSON.stringify(change.add)}))`;
  const leaves = change.isWhole
    ? sql`NOT ${isAdded}`
    : sql`scim_users.id IN (SELECT value FROM json_each(${JSON.stringify(change.remove)}))`;
  return [
    named
      .where(sql`${isAdded} AND scim_users.org_id = ${ctx.org.id} AND scim_users.deleted_at IS NULL AND NOT ${inGroup}`)
      .orderBy(scimUsers.userName),
    gone.where(sql`${inGroup} AND ${leaves}`).orderBy(scimUsers.userName),
  ] as const;
}

/** Maximum number of people in a description. */
const MOST_NAMED = 20;

/** A few words about who joins or leaves, for the audit log. */
export const people = (verb: string, names: string[]): string[] =>
  names.length === 0
    ? []
    : [`${verb} ${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ""}`];

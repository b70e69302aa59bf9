import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import type { OrgContext } from "../../context.ts";
import { failUnless } from "../../db/client.ts";
import { keepDescent } from "../../lineage/end.ts";
import { notTheLastAdmin } from "../../orgs/members.ts";
import { members } from "../../orgs/table.ts";
import { builtInRoleNames, roleId } from "../../roles/builtIn.ts";
import { teamMembers } from "../../teams/table.ts";
import { accessTokens, barredTokens } from "../../tokens/table.ts";

/** Maximum number of teams that a deactivation remembers, so that nobody prevents it by joining more. */
const MOST_TEAMS = 5000;

/** SQL for the membership as `former` stores it; null without one. */
export const formerOf = (ctx: OrgContext, userId: string): SQL => sql`(SELECT json_object(
    'role', role, 'roleId', role_id, 'roleConnectionId', role_connection_id, 'createdAt', created_at, 'acceptedAt', accepted_at, 'madeWith', made_with,
    'teams', json((SELECT json_group_array(json_array(team_id, role, created_at, connection_id)) FROM (
      SELECT team_id, team_members.role, team_members.created_at, connection_id FROM team_members JOIN teams ON teams.id = team_id
      WHERE user_id = ${userId} AND teams.org_id = ${ctx.org.id} AND teams.kind <> 'scim' LIMIT ${MOST_TEAMS}))))
  FROM members WHERE members.org_id = ${ctx.org.id} AND members.user_id = ${userId})`;

const thatMember = (ctx: OrgContext, userId: string) => and(eq(members.orgId, ctx.org.id), eq(members.userId, userId))!;

/** Fails the batch if the person is the last administrator. */
export const mayLeave = (ctx: OrgContext, userId: string) =>
  ctx.store.db
    .select({
      holds: failUnless(
        sql`NOT EXISTS (SELECT 1 FROM ${members} WHERE ${and(thatMember(ctx, userId), sql`NOT (${notTheLastAdmin(ctx)})`)})`,
      ),
    })
    .from(sql`(SELECT 1)`);

/**
 * Statements that take the access from the person's tokens and sessions that exist now. The version of each of them changes, so no cached identity passes
 * a guard any more, even after an activation.
 */
export const bar = (ctx: OrgContext, userId: string) => [
  ctx.store.db
    .insert(barredTokens)
    .select(sql`SELECT id, ${ctx.org.id} FROM access_tokens WHERE user_id = ${userId} AND deleted_at IS NULL`)
    .onConflictDoNothing(),
  ctx.store.db
    .update(accessTokens)
    .set({ version: sql`${accessTokens.version} + 1` })
    .where(and(eq(accessTokens.userId, userId), isNull(accessTokens.deletedAt))),
];

/** Statements that end a person's access to the organization. The row of `scim_users` is changed before them. */
export const leave = (ctx: OrgContext, userId: string) => [
  ...bar(ctx, userId),
  keepDescent(ctx.store, thatMember(ctx, userId), ctx.now),
  ctx.store.db.delete(members).where(thatMember(ctx, userId)),
];

/** Statement that makes a person a member with the default role. SCIM sets no roles. */
export const join = (ctx: OrgContext, userId: string) =>
  ctx.store.db.insert(members).values({
    orgId: ctx.org.id,
    userId,
    role: "member",
    createdAt: ctx.now,
    acceptedAt: ctx.now,
    madeWith: ctx.actor.token.id,
  });

/**
 * Statements that give a person the membership, role and teams back that a deactivation ended. A role or team that was deleted meanwhile is left
 * out. The row of `scim_users` still has them.
 * @param id of the SCIM user
 */
export function rejoin(ctx: OrgContext, id: string, userId: string) {
  const orgId = ctx.org.id;
  const former = sql`(SELECT former FROM scim_users WHERE id = ${id})`;
  const builtIn = JSON.stringify(builtInRoleNames.map((role) => roleId(orgId, role)));
  return [
    // The columns in the order of the table. An activation makes nobody a break-glass administrator again.
    ctx.store.db.insert(members)
      .select(sql`SELECT ${orgId}, ${userId}, was->>'$.role', was->>'$.createdAt', was->>'$.acceptedAt', was->>'$.madeWith',
        CASE WHEN was->>'$.roleId' IN (SELECT value FROM json_each(${builtIn})) OR was->>'$.roleId' IN (SELECT id FROM roles WHERE org_id = ${orgId})
          THEN was->>'$.roleId' END, '[null,[]]', 0, 0, was->>'$.roleConnectionId'
      FROM (SELECT ${former} AS was)`),
    ctx.store.db
      .insert(teamMembers)
      .select(
        sql`SELECT value->>0, ${userId}, value->>1, value->>2, value->>3 FROM json_each(${former}, '$.teams')
          WHERE value->>0 IN (SELECT id FROM teams WHERE org_id = ${orgId} AND kind <> 'scim')`,
      )
      .onConflictDoNothing(),
    // A trigger works out the rights by roles and grants again.
    ctx.store.db
      .update(members)
      .set({ roleId: sql`role_id` })
      .where(thatMember(ctx, userId)),
  ];
}

/** Statement that puts an active person into the teams of the SCIM user's groups. */
export const enterTeams = (ctx: OrgContext, id: string, userId: string) =>
  ctx.store.db
    .insert(teamMembers)
    .select(sql`SELECT team_id, ${userId}, 'member', ${ctx.now}, NULL FROM scim_group_members WHERE scim_user_id = ${id}`)
    .onConflictDoNothing();

/** Statement that gives the person's older tokens and sessions their access again. */
export const readmitTokens = (ctx: OrgContext, userId: string) =>
  ctx.store.db
    .delete(barredTokens)
    .where(
      and(eq(barredTokens.orgId, ctx.org.id), sql`${barredTokens.tokenId} IN (SELECT id FROM access_tokens WHERE user_id = ${userId})`),
    );

/** The person's tokens, the newest first: their cached identities are forgotten, and their running updates notified. */
export const tokensOfPerson = (ctx: OrgContext, userId: string) =>
  ctx.store.db
    .select({ id: accessTokens.id, hash: accessTokens.hash })
    .from(accessTokens)
    .where(and(eq(accessTokens.userId, userId), isNull(accessTokens.deletedAt)))
    .orderBy(sql`${accessTokens.createdAt} DESC`);

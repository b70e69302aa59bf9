import { type SQL, and, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { type StackRef, isAdministrator, membershipOf } from "../auth/policy.ts";
import { has, lacking } from "../auth/right.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { type Team } from "./find.ts";
import { beyondOwnRights, hasOnStack, hasRightsOf } from "./right.ts";
import { type GrantPermission, stackGrants } from "./table.ts";

/** What can be given to a team; 104 is for the creator of a stack. */
export type TeamGrant = Exclude<GrantPermission, 104>;
const names: Record<TeamGrant, string> = { 101: "read", 102: "write", 103: "admin" };

/**
 * Gives a team a right on a stack in place of the one that it has there, or takes that one away. A caller may do so who may change the
 * team, administers it, or may change the access to that stack. Nobody but an administrator gives more than the own rights on that stack.
 * @param permission null takes it away
 * @throws 404 for a stack that the caller may not know of, 403
 */
export async function setTeamGrant(ctx: OrgContext, team: Team, { projectName, stackName }: StackRef, permission: TeamGrant | null) {
  const { db } = ctx.store;
  const path = `${projectName}/${stackName}`;
  const here = and(
    sql`stacks.org_id = ${ctx.org.id} AND lower(stacks.project) = lower(${projectName}) AND lower(stacks.name) = lower(${stackName})
      AND stacks.deleted_at IS NULL`,
    visibleHere(ctx),
  );
  const managesTeam = team.callerRole === "admin" || has(ctx, "team:update");
  const manages = managesTeam ? sql`1` : hasOnStack(ctx, ["stack_access:update"]);
  const covers = permission === null || isAdministrator(membershipOf(ctx)) ? sql`1` : hasRightsOf(ctx, permission);
  const what = permission === null ? `Took its right from team "${team.name}" on` : `Gave team "${team.name}" ${names[permission]} on`;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `${what} stack "${ctx.org.name}/${path}".`,
    stack: path,
  });
  const where = and(here, manages, covers)!;
  const [found] = await guarded(ctx, [
    db
      .select({ manages: sql<number>`${manages}`.as("manages"), covers: sql<number>`${covers}`.as("covers") })
      .from(stacks)
      .where(here),
    permission === null ? takeAway(ctx, team, where) : give(ctx, team, where, permission),
    auditIf(ctx.store, event, changedARow),
    // Behind the event, which is only there after a change.
    noteFirstGrant(ctx, sql`${changedARow} AND ${haveOneGrant(sql`${team.id}`)}`),
  ]);
  const stack = found[0];
  if (!stack) throw notFound(`Stack '${ctx.org.name}/${path}'`);
  if (!stack.manages) throw await lacking(ctx, "stack_access:update", { projectName, stackName });
  if (!stack.covers) throw await beyondOwnRights(ctx, "stack_access:update");
  relaySoon(ctx, event);
}

const give = (ctx: OrgContext, team: Team, where: SQL, permission: TeamGrant) =>
  ctx.store.db.insert(stackGrants).select(sql`SELECT stacks.id, 'team', ${team.id}, ${permission}, ${ctx.now} FROM stacks
    WHERE ${where} AND EXISTS (SELECT 1 FROM teams WHERE id = ${team.id})
    ON CONFLICT DO UPDATE SET permission = excluded.permission WHERE permission <> excluded.permission`);

const takeAway = (ctx: OrgContext, team: Team, where: SQL) =>
  ctx.store.db
    .delete(stackGrants)
    .where(sql`grantee_kind = 'team' AND grantee_id = ${team.id} AND stack_id IN (SELECT stacks.id FROM stacks WHERE ${where})`);

/**
 * Whether somebody has grants at all is part of an identity. So the first grant of a team, or of a creator who sees no other stack, raises the
 * version of the organization's settings, and no list goes by an older identity.
 */
export const noteFirstGrant = ({ store, org }: OrgContext, isFirst: SQL) =>
  store.db
    .update(organizations)
    .set({ settingsVersion: sql`settings_version + 1` })
    .where(sql`${isFirst} AND organizations.id = ${org.id}`);

/** @param teams SQL for a list of ids */
export const haveOneGrant = (teams: SQL): SQL =>
  sql`EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id IN (${teams}) GROUP BY grantee_id HAVING count(*) = 1)`;

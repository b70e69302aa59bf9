import { type SQL, and, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { type StackRef, mayGiveEverything, membershipOf } from "../auth/policy.ts";
import { has, lacking } from "../auth/right.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { stacks } from "../stacks/table.ts";
import { type Team } from "./find.ts";
import { beyondOwnRights, hasOnStack, hasRightsOf } from "./right.ts";
import { type GrantPermission, stackGrants } from "./table.ts";

/** The grants that a team can get; 104 is only for the creator of a stack. */
export type TeamGrant = Exclude<GrantPermission, 104>;
const names: Record<TeamGrant, string> = { 101: "read", 102: "write", 103: "admin" };

/**
 * Sets or removes a team's grant on a stack. The caller needs the right to change the team, must be its administrator, or needs the right to
 * change the access to the stack. A caller who is not an administrator can only grant rights that the caller has on that stack.
 * @param permission null removes the grant
 * @throws 404 for a stack that the caller may not know, 403
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
  const covers = permission === null || mayGiveEverything(ctx.actor, membershipOf(ctx)) ? sql`1` : hasRightsOf(ctx, permission);
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
  ]);
  const stack = found[0];
  if (!stack) throw notFound(`Stack '${ctx.org.name}/${path}'`);
  if (!stack.manages) throw await lacking(ctx, "stack_access:update", { projectName, stackName });
  if (!stack.covers) throw await beyondOwnRights(ctx, "stack_access:update");
  relaySoon(ctx, event);
}

const give = (ctx: OrgContext, team: Team, where: SQL, permission: TeamGrant) =>
  ctx.store.db
    .insert(stackGrants)
    .select(
      sql`SELECT stacks.id, 'team', ${team.id}, ${permission}, ${ctx.now} FROM stacks
      WHERE ${where} AND EXISTS (SELECT 1 FROM teams WHERE id = ${team.id})`,
    )
    .onConflictDoUpdate({
      target: [stackGrants.stackId, stackGrants.granteeKind, stackGrants.granteeId],
      set: { permission: sql`excluded.permission` },
      setWhere: sql`stack_grants.permission <> excluded.permission`,
    });

const takeAway = (ctx: OrgContext, team: Team, where: SQL) =>
  ctx.store.db
    .delete(stackGrants)
    .where(sql`grantee_kind = 'team' AND grantee_id = ${team.id} AND stack_id IN (SELECT stacks.id FROM stacks WHERE ${where})`);

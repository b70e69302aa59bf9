import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { mayGiveEverything, membershipOf } from "../auth/policy.ts";
import { lacking } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, conflict } from "../errors.ts";
import { invites, members, organizations } from "../orgs/table.ts";
import { teamRoles } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { requireScopes } from "./beyond.ts";
import { findRole } from "./builtIn.ts";
import { findSet } from "./builtInSets.ts";
import { scopesIn } from "./compile.ts";
import { readCustomRole } from "./get.ts";
import { thatRole } from "./record.ts";
import { customRoles, roleParts } from "./table.ts";

/**
 * Deletes a custom record. With `force` it also deletes a record in use: its people get the organization's default role, its tokens get the
 * rights of the Billing Manager, and its pending invitations are canceled.
 * @throws 409 for a record in use without `force`, and for one that another record includes
 */
export async function deleteRole(ctx: OrgContext, id: string, force: boolean): Promise<void> {
  if (findRole(ctx.org.id, id) || findSet(ctx.org.id, id)) throw badRequest("a built-in role cannot be deleted");
  const before = await readCustomRole(ctx, id);
  await requireScopes(ctx, [], scopesIn(before.grants));
  // Only an administrator may force it, because the default role may have more rights than this one.
  const forces = force && mayGiveEverything(ctx.actor, membershipOf(ctx));
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "custom-role-deleted",
    description: `Deleted role "${before.name}" (${id})${forces ? ", also where it was in use" : ""}.`,
  });
  const { db } = ctx.store;
  const which = sql`${thatRole(ctx, id)} AND NOT ${isIncluded(id)} ${forces ? sql`` : sql`AND NOT ${isInUse(ctx, id)}`}`;
  const goes = sql`EXISTS (SELECT 1 FROM roles WHERE ${which})`;
  const [, , , , , , deleted, , left] = await guarded(ctx, [
    db.delete(roleParts).where(and(eq(roleParts.roleId, id), goes)),
    db
      .update(members)
      .set({ roleId: null })
      .where(and(eq(members.roleId, id), goes)),
    db
      .update(organizations)
      .set({ defaultRoleId: null, settingsVersion: sql`settings_version + 1` })
      .where(and(eq(organizations.id, ctx.org.id), eq(organizations.defaultRoleId, id), goes)),
    // A token without its custom role must not get the rights of a member.
    db
      .update(accessTokens)
      .set({ roleId: null, role: "billing-manager", version: sql`version + 1` })
      .where(and(eq(accessTokens.roleId, id), goes)),
    db.delete(teamRoles).where(and(eq(teamRoles.roleId, id), goes)),
    db
      .update(invites)
      .set({ status: "canceled" })
      .where(and(eq(invites.roleId, id), eq(invites.status, "pending"), goes)),
    db.delete(customRoles).where(which).returning({ id: customRoles.id }),
    auditIf(ctx.store, event, changedARow),
    db
      .select({ isIncluded: sql<number>`${isIncluded(id)}`.as("is_included") })
      .from(customRoles)
      .where(thatRole(ctx, id)),
  ]);
  if (deleted[0]) return relaySoon(ctx, event);
  if (left[0]?.isIncluded) throw conflict(`other roles or permission sets include "${before.name}": remove it from them first`);
  if (force) throw await lacking(ctx, "org_member:set_admin");
  throw conflict(
    `"${before.name}" is still assigned to people, teams or tokens, or is the default role: use force to delete it all the same`,
  );
}

const isIncluded = (id: string) => sql`EXISTS (SELECT 1 FROM role_parts WHERE part_id = ${id})`;

/** SQL condition: the record is in use. Pending invitations count. */
const isInUse = (ctx: OrgContext, id: string) => sql`(EXISTS (SELECT 1 FROM members WHERE role_id = ${id})
  OR EXISTS (SELECT 1 FROM access_tokens WHERE role_id = ${id} AND deleted_at IS NULL)
  OR EXISTS (SELECT 1 FROM team_roles WHERE role_id = ${id})
  OR EXISTS (SELECT 1 FROM invites WHERE org_id = ${ctx.org.id} AND role_id = ${id} AND status = 'pending')
  OR EXISTS (SELECT 1 FROM organizations WHERE id = ${ctx.org.id} AND default_role_id = ${id}))`;

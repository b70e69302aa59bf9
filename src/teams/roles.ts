import { and, eq, inArray, ne, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditStatement, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { AppError, badRequest, notFound } from "../errors.ts";
import { requireScopes } from "../roles/beyond.ts";
import { scopesIn } from "../roles/compile.ts";
import { jsonAnswer, shownColumns, thatRole, toJson } from "../roles/record.ts";
import { isRoom, noRoom } from "../roles/room.ts";
import { customRoles } from "../roles/table.ts";
import { relyOnRoles } from "../roles/unchanged.ts";
import { type Team, findTeam } from "./find.ts";
import { readTeamRoles } from "./readRoles.ts";
import { teamRoles } from "./table.ts";

export async function listTeamRoles(ctx: OrgContext, name: string) {
  const { db } = ctx.store;
  const { id } = await findTeam(ctx, name);
  const [roles] = await guarded(ctx, [
    db
      .select(shownColumns)
      .from(customRoles)
      .where(inArray(customRoles.id, db.select({ id: teamRoles.roleId }).from(teamRoles).where(eq(teamRoles.teamId, id))))
      .orderBy(customRoles.name),
  ]);
  return jsonAnswer(`{"roles":[${roles.map((row) => toJson(ctx.org.id, row)).join(",")}]}`);
}

/**
 * Assigns a role to a team, and so to its members and tokens. A caller who is not an administrator can only assign and replace roles with rights that
 * the caller has on the whole organization.
 * @param replaces whether the role replaces those that the team has, as the CLI expects (management-api §16)
 * @throws 404 for an unknown role, 400 for a permission set, 403
 */
export async function assignTeamRole(ctx: OrgContext, name: string, roleId: string, replaces: boolean): Promise<void> {
  await requireRight(ctx, "role:update");
  const { db } = ctx.store;
  const team = await findTeam(ctx, name);
  const [found] = await guarded(ctx, [
    db
      .select({
        id: customRoles.id,
        name: customRoles.name,
        version: customRoles.version,
        uxPurpose: customRoles.uxPurpose,
        grants: customRoles.grants,
      })
      .from(customRoles)
      .where(thatRole(ctx, roleId)),
  ]);
  relyOnRoles(ctx, found);
  const role = found[0];
  if (!role) throw roleNotFound(roleId);
  if (role.uxPurpose === "policy" || role.uxPurpose === "set") throw badRequest(`${role.name} is a permission set and not a role`);
  const before = await readTeamRoles(ctx, team.id);
  const others = replaces ? before.filter(({ id }) => id !== roleId) : [];
  await requireScopes(
    ctx,
    scopesIn(role.grants),
    others.flatMap(({ grants }) => scopesIn(grants)),
  );
  if (others.length === 0 && before.some(({ id }) => id === roleId)) return;
  const instead = others.length > 0 ? `, in place of ${others.map((one) => `"${one.name}"`).join(", ")}` : "";
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Gave team "${team.name}" the role "${role.name}" (${roleId})${instead}.`,
  });
  await guarded(ctx, [
    db.delete(teamRoles).where(and(eq(teamRoles.teamId, team.id), ne(teamRoles.roleId, roleId), replaces ? undefined : sql`0`)),
    db
      .insert(teamRoles)
      .select(sql`SELECT ${team.id}, roles.id FROM roles WHERE roles.id = ${roleId} AND EXISTS (SELECT 1 FROM teams WHERE id = ${team.id})`)
      .onConflictDoNothing(),
    auditStatement(ctx.store, event),
  ]);
  relaySoon(ctx, event);
}

/** Takes a role from a team. @throws 404 for a role that the team does not have, 403 for one with rights that the caller does not have */
export async function removeTeamRole(ctx: OrgContext, name: string, roleId: string): Promise<void> {
  await requireRight(ctx, "role:update");
  const team = await findTeam(ctx, name);
  const role = (await readTeamRoles(ctx, team.id)).find(({ id }) => id === roleId);
  if (!role) throw roleNotFound(roleId);
  await requireScopes(ctx, [], scopesIn(role.grants));
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Took the role "${role.name}" (${roleId}) from team "${team.name}".`,
  });
  await guarded(ctx, [
    ctx.store.db.delete(teamRoles).where(and(eq(teamRoles.teamId, team.id), eq(teamRoles.roleId, roleId))),
    auditIf(ctx.store, event, changedARow),
  ]);
  relaySoon(ctx, event);
}

const roleNotFound = (id: string) => notFound(`Role '${id.slice(0, 100)}'`);

/** Creates a role for the team, which grants nothing until it is changed. @throws 400 if there is a role of that name, or no room for another role */
export async function enableTeamRoles(ctx: OrgContext, name: string) {
  await requireRight(ctx, "role:create");
  const team = await findTeam(ctx, name);
  const role = emptyRole(ctx, team);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Gave team "${team.name}" the new role "${role.name}" (${role.id}), which grants nothing yet.`,
  });
  try {
    const [, , , made] = await guarded(ctx, [
      ctx.store.db.insert(customRoles).select(sql`SELECT ${role.id}, ${role.orgId}, ${role.name}, ${role.description}, ${role.resourceType},
        ${role.uxPurpose}, ${role.details}, '[]', 1, ${role.createdAt}, ${role.modifiedAt} WHERE ${isRoom(ctx, [role])}`),
      auditIf(ctx.store, event, changedARow),
      ctx.store.db
        .insert(teamRoles)
        .select(sql`SELECT teams.id, roles.id FROM teams JOIN roles ON roles.id = ${role.id} WHERE teams.id = ${team.id}`),
      ctx.store.db.select({ id: customRoles.id }).from(customRoles).where(thatRole(ctx, role.id)),
    ]);
    if (!made[0]) throw noRoom();
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(400, "Role with this name already exists");
    throw error;
  }
  relaySoon(ctx, event);
  return jsonAnswer(toJson(ctx.org.id, { ...role, isDefault: 0 }));
}

const emptyRole = ({ org, now }: OrgContext, team: Team): typeof customRoles.$inferSelect => ({
  id: crypto.randomUUID(),
  orgId: org.id,
  name: `Team ${team.name}`,
  description: `The role of team ${team.name}.`,
  resourceType: "organization",
  uxPurpose: "role_private",
  details: JSON.stringify({ __type: "PermissionDescriptorAllow", permissions: [] }),
  grants: [],
  version: 1,
  createdAt: now,
  modifiedAt: now,
});

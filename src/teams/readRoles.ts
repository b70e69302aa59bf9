import { eq, inArray, sql } from "drizzle-orm";
import { guarded, rely } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { customRoles } from "../roles/table.ts";
import { teamRoles } from "./table.ts";

/** Reads the roles of a team and what they grant. The later guards of the call fail if the team has other roles then, or if one was changed. */
export async function readTeamRoles(ctx: OrgContext, teamId: string) {
  const { db } = ctx.store;
  const ofTeam = db.select({ id: teamRoles.roleId }).from(teamRoles).where(eq(teamRoles.teamId, teamId));
  const [roles] = await guarded(ctx, [
    db
      .select({ id: customRoles.id, name: customRoles.name, version: customRoles.version, grants: customRoles.grants })
      .from(customRoles)
      .where(inArray(customRoles.id, ofTeam))
      .orderBy(customRoles.id),
  ]);
  rely(
    ctx,
    sql`(SELECT json_group_array(json_array(id, version)) FROM (SELECT id, version FROM roles
      WHERE id IN (SELECT role_id FROM team_roles WHERE team_id = ${teamId}) ORDER BY id)) = ${JSON.stringify(roles.map(({ id, version }) => [id, version]))}`,
  );
  return roles;
}

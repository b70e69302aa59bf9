import { and, eq, sql } from "drizzle-orm";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { failUnless } from "../../db/client.ts";
import { deleteTeam } from "../../teams/delete.ts";
import { nothing } from "../answer.ts";
import { type ScimCall, requireMatch } from "../call.ts";
import { scimGroups, scimSettings } from "../table.ts";
import { changeMembers } from "./members.ts";
import { isHere, readGroup } from "./read.ts";

/**
 * Deletes a group. Its team is emptied and keeps its roles, grants and tokens, unless the organization has chosen that it is deleted.
 * @throws 404 when it is repeated, 412
 */
export async function deleteGroup(call: ScimCall, id: string): Promise<Response> {
  const { ctx } = call;
  const { db } = ctx.store;
  const current = await readGroup(ctx, id);
  requireMatch(call, current);
  const [settings] = await guarded(ctx, [
    db.select({ deletesTeams: scimSettings.deletesTeams }).from(scimSettings).where(eq(scimSettings.orgId, ctx.org.id)),
  ]);
  if (settings[0]?.deletesTeams) {
    // A trigger deletes the group with the team.
    await deleteTeam(ctx, current.teamName);
    return nothing();
  }
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Emptied team "${current.teamName}": its group ${JSON.stringify(current.displayName)} was deleted at the identity provider.`,
  });
  const that = and(eq(scimGroups.id, id), isHere(ctx));
  await guarded(ctx, [
    db.select({ holds: failUnless(sql`EXISTS (SELECT 1 FROM ${scimGroups} WHERE ${that})`) }).from(sql`(SELECT 1)`),
    ...changeMembers(ctx, sql`${current.teamId}`, { isWhole: true, add: [], remove: [] }),
    db
      .update(scimGroups)
      .set({ deletedAt: ctx.now, version: sql`${scimGroups.version} + 1` })
      .where(that),
    auditStatement(ctx.store, event),
  ]);
  relaySoon(ctx, event);
  return nothing();
}

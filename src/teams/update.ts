import { eq } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { type Team, findTeam } from "./find.ts";
import { setTeamGrant } from "./grant.ts";
import { changeTeamMember, requireOwn } from "./members.ts";
import type { UpdateTeamRequest } from "./schema.ts";
import { teams } from "./table.ts";

/** One change of a team. Its administrators change its members and its rights on stacks, and nothing else. */
export async function updateTeam(ctx: OrgContext, name: string, request: z.infer<typeof UpdateTeamRequest>): Promise<void> {
  const team = await findTeam(ctx, name);
  if (request.member && request.memberAction) return changeTeamMember(ctx, team, request.member, request.memberAction);
  const grant = request.addStackPermission ?? request.editStackPermission;
  if (grant) return setTeamGrant(ctx, team, grant, grant.permission || null);
  if (request.removeStack) return setTeamGrant(ctx, team, request.removeStack, null);
  await describe(ctx, team, request);
}

/** The name stays: tokens and paths have it. */
async function describe(ctx: OrgContext, team: Team, request: z.infer<typeof UpdateTeamRequest>): Promise<void> {
  await requireRight(ctx, "team:update");
  requireOwn(team);
  const displayName = request.newDisplayName || team.displayName;
  const description = request.newDescription ?? team.description;
  const changes = [
    ...(displayName === team.displayName
      ? []
      : [`display name from ${JSON.stringify(team.displayName)} to ${JSON.stringify(displayName)}`]),
    ...(description === team.description ? [] : [`description from ${JSON.stringify(team.description)} to ${JSON.stringify(description)}`]),
  ];
  if (changes.length === 0) return;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Changed team "${team.name}": ${changes.join("; ")}.`,
  });
  await guarded(ctx, [
    ctx.store.db.update(teams).set({ displayName, description }).where(eq(teams.id, team.id)),
    auditIf(ctx.store, event, changedARow),
  ]);
  relaySoon(ctx, event);
}

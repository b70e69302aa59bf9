import { and, eq, isNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, describedBy, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { endUnaccepted } from "../lineage/unaccepted.ts";
import { accessTokens } from "../tokens/table.ts";
import { findTeam } from "./find.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "./table.ts";

/** Maximum number of tokens that the audit event names. */
const MOST_NAMED = 100;

/**
 * Deletes a team with its grants and its tokens in one transaction. After the answer, no call with the team's tokens is accepted. Members
 * and roles are deleted before the team, because the triggers of their tables look up the team.
 */
export async function deleteTeam(ctx: OrgContext, name: string): Promise<void> {
  const { db } = ctx.store;
  const team = await findTeam(ctx, name);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "team-deleted", description: "" });
  const removal = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: "" });
  const ended = sql`SELECT name || ' (' || id || ')' AS label FROM access_tokens WHERE team_id = ${team.id} AND deleted_at = ${ctx.now}
    ORDER BY created_at LIMIT ${MOST_NAMED}`;
  const described = sql`${`Deleted team "${team.name}"`} || coalesce(', and ended its tokens: ' || (SELECT group_concat(label, ', ') FROM (${ended})), '') || '.'`;
  const living = and(eq(accessTokens.teamId, team.id), isNull(accessTokens.deletedAt));
  const [tokens, , , , , , , lost] = await guarded(ctx, [
    db.select({ id: accessTokens.id, hash: accessTokens.hash }).from(accessTokens).where(living),
    db.update(accessTokens).set({ deletedAt: ctx.now }).where(living),
    db.delete(stackGrants).where(and(eq(stackGrants.granteeKind, "team"), eq(stackGrants.granteeId, team.id))),
    db.delete(teamMembers).where(eq(teamMembers.teamId, team.id)),
    db.delete(teamRoles).where(eq(teamRoles.teamId, team.id)),
    db.delete(teams).where(eq(teams.id, team.id)),
    auditIf(ctx.store, event, changedARow, describedBy(event, described)),
    // Each of the team's tokens has ended, in a dry run too.
    ...endUnaccepted(ctx.store, sql`SELECT id FROM access_tokens WHERE team_id = ${team.id}`, ctx.now, removal, sql`1`),
  ]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    [...tokens, ...lost].map(({ hash }) => hash),
  );
  if (tokens.length > 0) await ctx.tokensEnded({ tokenIds: tokens.map(({ id }) => id) });
  relaySoon(ctx, event, removal);
}

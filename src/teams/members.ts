import { and, eq, ne, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { AppError, badRequest, notFound } from "../errors.ts";
import { currentRole, isMember } from "../orgs/members.ts";
import { requireScopes } from "../roles/beyond.ts";
import type { Team } from "./find.ts";
import { hasTeamsRights, requireTeamRight, requireTeamsRights, rightsOfTeamAdministrators } from "./right.ts";
import { teamMembers } from "./table.ts";

export type MemberAction = "add" | "remove" | "promote" | "demote";

const sentences: Record<MemberAction, (login: string, team: string) => string> = {
  add: (login, team) => `Added ${login} to team "${team}".`,
  remove: (login, team) => `Removed ${login} from team "${team}".`,
  promote: (login, team) => `Made ${login} an administrator of team "${team}".`,
  demote: (login, team) => `Made ${login} a plain member of team "${team}".`,
};

/** Refuses changes of a team whose name and members come from an identity provider. @throws 400 */
export function requireOwn(team: Team): void {
  if (team.kind === "scim") throw badRequest(`the team ${team.name} comes from an identity provider: change its name and members there`);
}

/**
 * Adds, removes, promotes or demotes a member of a team.
 * @throws 404 for a person who is not in the organization, or not in the team, 409 for a new member who is in the team already, 403
 */
export async function changeTeamMember(ctx: OrgContext, team: Team, login: string, action: MemberAction): Promise<void> {
  await requireTeamRight(ctx, team, "team:update");
  requireOwn(team);
  if (action === "add" || action === "promote") await requireTeamsRights(ctx, team);
  // An administrator of the team also manages its tokens.
  if (action === "promote" && !hasTeamsRights(ctx, team)) await requireScopes(ctx, rightsOfTeamAdministrators, [], "team:update");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "team-updated", description: sentences[action](login, team.name) });
  const that = and(
    eq(teamMembers.teamId, team.id),
    sql`${teamMembers.userId} = (SELECT id FROM users WHERE lower(login) = lower(${login}))`,
  );
  try {
    const [inOrg, inTeam] = await guarded(ctx, [
      currentRole(ctx, login),
      ctx.store.db.select({ role: teamMembers.role }).from(teamMembers).where(that),
      change(ctx, team, login, action, that),
      auditIf(ctx.store, event, changedARow),
    ]);
    if (!inOrg[0]) throw notFound(`User '${login.slice(0, 100)}'`);
    // Only in a dry run: the addition would have failed at the primary key.
    if (action === "add" && inTeam[0]) throw alreadyIn();
    if (action !== "add" && !inTeam[0]) throw notFound(`Member '${login.slice(0, 100)}' of team '${team.name}'`);
  } catch (error) {
    if (error instanceof UniqueViolation) throw alreadyIn();
    throw error;
  }
  relaySoon(ctx, event);
}

const alreadyIn = () => new AppError(409, "User is already a member of the team.");

function change(ctx: OrgContext, team: Team, login: string, action: MemberAction, that: ReturnType<typeof and>) {
  const { db } = ctx.store;
  if (action === "remove") return db.delete(teamMembers).where(that);
  if (action === "add")
    return db.insert(teamMembers).select(
      sql`SELECT ${team.id}, user_id, 'member', ${ctx.now}, NULL FROM members WHERE ${isMember(ctx, login)}
          AND EXISTS (SELECT 1 FROM teams WHERE id = ${team.id})`,
    );
  const role = action === "promote" ? "admin" : "member";
  return db
    .update(teamMembers)
    .set({ role })
    .where(and(that, ne(teamMembers.role, role)));
}

import { and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type AuditEvent, type Who, auditEvent, auditIf, changedARow } from "../audit/record.ts";
import type { RequestContext } from "../context.ts";
import { isLastAdmin } from "../orgs/members.ts";
import { members } from "../orgs/table.ts";
import { teamMembers } from "../teams/table.ts";
import { givenByGroups } from "./decide.ts";
import type { Person } from "./claims.ts";
import type { Provider } from "./provider.ts";

/**
 * Statements that give the person the teams and the role of the person's groups. A sign-in replaces what an earlier one gave, and never what somebody gave by
 * hand; if the groups are unknown, nothing changes (identity-facts O-13, O-14).
 */
export function applyGroups(
  ctx: RequestContext,
  provider: Provider,
  person: Person,
  user: { id: string; login: string },
  who: Who,
): { statements: BatchItem<"sqlite">[]; events: AuditEvent[] } {
  const given = givenByGroups(provider.groupMappings, person.mapped);
  const { org } = provider;
  if (!given || !org) return { statements: [], events: [] };
  const { db } = ctx.store;
  const events: AuditEvent[] = [];
  const recorded = (event: "team-updated" | "member-role-changed", description: string) => {
    const made = auditEvent(ctx, org.id, who, { event, description: `${description} by the groups of "${provider.name}".` });
    events.push(made);
    return auditIf(ctx.store, made, changedARow);
  };
  const wanted = sql`(SELECT value FROM json_each(${JSON.stringify(given.teamIds)}))`;
  const member = and(eq(members.orgId, org.id), eq(members.userId, user.id));
  const byGroups = eq(members.roleConnectionId, provider.id);
  const statements = [
    db
      .delete(teamMembers)
      .where(and(eq(teamMembers.userId, user.id), eq(teamMembers.connectionId, provider.id), sql`${teamMembers.teamId} NOT IN ${wanted}`)),
    recorded("team-updated", `Took ${user.login} out of teams`),
    db
      .insert(teamMembers)
      .select(
        sql`SELECT id, ${user.id}, 'member', ${ctx.now}, ${provider.id} FROM teams WHERE org_id = ${org.id} AND kind = 'pulumi' AND id IN ${wanted}`,
      )
      .onConflictDoNothing(),
    recorded("team-updated", `Put ${user.login} into teams`),
    given.isAdmin
      ? db
          .update(members)
          .set({ role: "admin", roleId: null, roleConnectionId: provider.id })
          .where(and(member, sql`${members.role} <> 'admin'`))
      : db
          .update(members)
          .set({ role: provider.firstRole, roleId: null, roleConnectionId: null, isBreakGlass: false })
          .where(and(member, byGroups, eq(members.role, "admin"), sql`NOT ${isLastAdmin(org.id)}`)),
    recorded("member-role-changed", `Changed the role of ${user.login} to ${given.isAdmin ? "Admin" : provider.firstRole}`),
  ];
  return { statements, events };
}

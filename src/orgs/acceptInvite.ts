import { and, eq, isNull, or, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import type { PersonContext } from "../context.ts";
import { UniqueViolation, batch } from "../db/client.ts";
import { AppError, notFound } from "../errors.ts";
import { shortId } from "./invite.ts";
import { isPending } from "./pendingInvites.ts";
import { invites, members, organizations } from "./table.ts";

/** Who is invited whereto, for a person who knows the id. @throws 404 when it does not wait any more */
export async function getInvite(ctx: PersonContext, orgName: string, id: string) {
  const invite = await read(ctx, orgName, id);
  if (!invite?.isPending) throw notFound("Invite");
  return invite;
}

/**
 * The caller becomes a member with the role of the invitation. Whoever knows its id may do so, and one person only.
 * @throws 404 for an unknown one, 409 when it was accepted or canceled or the caller is a member already
 */
export async function acceptInvite(ctx: PersonContext, orgName: string, id: string): Promise<void> {
  const invite = await read(ctx, orgName, id);
  if (!invite) throw notFound("Invite");
  const { user } = ctx.actor;
  const event = auditEvent(ctx, invite.orgId, whoIs(ctx.actor), {
    event: "organization-invite-accepted",
    description: `${user.login} joined as ${invite.roleName} by the invitation ${shortId(id)} of ${invite.sentBy}.`,
  });
  const waits = and(eq(invites.id, id), eq(invites.orgId, invite.orgId), isFor(ctx), isPending("invites", ctx.now));
  try {
    const [, , accepted] = await batch(ctx.store, [
      guard(ctx.store, ctx.actor, ctx.now),
      ctx.store.db
        .insert(members)
        .select(sql`SELECT org_id, ${user.id}, role, ${ctx.now}, ${ctx.now}, made_with, role_id FROM invites WHERE ${waits}`),
      ctx.store.db.update(invites).set({ status: "accepted", acceptedBy: user.id }).where(waits).returning({ id: invites.id }),
      auditIf(ctx.store, event, changedARow),
    ]);
    if (!accepted[0]) throw new AppError(409, "Invite is not in the 'invited' state");
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(409, "User is already an organization member.");
    throw error;
  }
  relaySoon(ctx, event);
}

/** One that is for another account does not exist for the caller. */
const isFor = (ctx: PersonContext) => or(isNull(invites.userId), eq(invites.userId, ctx.actor.user.id));

async function read(ctx: PersonContext, orgName: string, id: string) {
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db
      .select({
        orgId: invites.orgId,
        org: organizations.name,
        role: invites.role,
        roleName: sql<string>`coalesce((SELECT name FROM roles WHERE roles.id = invites.role_id), invites.role)`.as("role_name"),
        sentBy: invites.sentBy,
        isPending: sql<number>`${isPending("invites", ctx.now)}`.as("is_pending"),
      })
      .from(invites)
      .innerJoin(organizations, eq(organizations.id, invites.orgId))
      .where(and(eq(invites.id, id), eq(organizations.name, orgName), isFor(ctx))),
  ]);
  return rows[0];
}

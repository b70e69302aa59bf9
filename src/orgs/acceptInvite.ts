import { and, eq, isNull, or, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard, rightsAreUnchanged } from "../auth/guard.ts";
import { mayAs, mayGiveEverything, membershipIn, rightsOfRole, scopesBeyond } from "../auth/policy.ts";
import { identityFrom, identityQueries } from "../auth/identity.ts";
import type { PersonContext } from "../context.ts";
import { UniqueViolation, batch, failUnless } from "../db/client.ts";
import { AppError, notFound } from "../errors.ts";
import { scopesIn } from "../roles/compile.ts";
import { rolesAreUnchanged } from "../roles/unchanged.ts";
import { customRoles } from "../roles/table.ts";
import { shortId } from "./inviteLink.ts";
import { isPending } from "./pendingInvites.ts";
import { isSuspended, suspended } from "./suspended.ts";
import { invites, members, organizations } from "./table.ts";

/** Returns a pending invitation to a person who knows its id. @throws 404 if it is not pending */
export async function getInvite(ctx: PersonContext, orgName: string, id: string) {
  const invite = await read(ctx, orgName, id);
  if (!invite?.isPending) throw notFound("Invite");
  return invite;
}

/**
 * The caller becomes a member with the role of the invitation. Anyone who knows its id may accept it, but only one person can.
 * @throws 404 for an unknown invitation, 409 if it was accepted or canceled, or if the caller is a member already
 */
export async function acceptInvite(ctx: PersonContext, orgName: string, id: string): Promise<void> {
  const invite = await read(ctx, orgName, id);
  if (!invite) throw notFound("Invite");
  const { user } = ctx.actor;
  const event = auditEvent(ctx, invite.orgId, whoIs(ctx.actor), {
    event: "organization-invite-accepted",
    description: `${user.login} joined as ${invite.roleName} by the invitation ${shortId(id)} of ${invite.sentBy}.`,
  });
  const sender = await readSender(ctx, invite);
  if (!sender.mayStillGive) throw notInvited();
  const isOut = isSuspended(sql`${invite.orgId}`, sql`${user.id}`);
  const waits = and(sql`NOT ${isOut}`, eq(invites.id, id), eq(invites.orgId, invite.orgId), isFor(ctx), isPending("invites", ctx.now));
  try {
    const [, , [state], , accepted] = await batch(ctx.store, [
      guard(ctx.store, ctx.actor, ctx.now),
      ctx.store.db.select({ holds: failUnless(sender.isUnchanged) }).from(sql`(SELECT 1)`),
      ctx.store.db.select({ isSuspended: sql<number>`${isOut}`.as("is_suspended") }).from(sql`(SELECT 1)`),
      ctx.store.db
        .insert(members)
        .select(
          sql`SELECT org_id, ${user.id}, role, ${ctx.now}, ${ctx.now}, made_with, role_id, '[null,[]]', 0, 0, NULL FROM invites WHERE ${waits}`,
        ),
      ctx.store.db.update(invites).set({ status: "accepted", acceptedBy: user.id }).where(waits).returning({ id: invites.id }),
      auditIf(ctx.store, event, changedARow),
    ]);
    if (state?.isSuspended) throw suspended();
    if (!accepted[0]) throw notInvited();
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(409, "User is already an organization member.");
    throw error;
  }
  relaySoon(ctx, event);
}

const notInvited = () => new AppError(409, "Invite is not in the 'invited' state");

/**
 * Reads whether the sender of an invitation could still send it. An invitation gives rights, so it must not outlive the sender's own. The
 * invitations of former administrators are canceled when they lose that role (`cancelInvitesOf`).
 * @returns also an SQL condition that fails if the answer may have changed meanwhile
 */
async function readSender(ctx: PersonContext, { orgId, org, role, roleId, madeWith }: Invite) {
  if (madeWith === null) return { mayStillGive: true, isUnchanged: sql`1` };
  const [tokens, memberships, given] = await batch(ctx.store, [
    ...identityQueries(ctx.store, sql`(SELECT hash FROM access_tokens AS one WHERE one.id = ${madeWith})`),
    ctx.store.db
      .select({ id: customRoles.id, version: customRoles.version, grants: customRoles.grants })
      .from(customRoles)
      .where(
        sql`id = coalesce(${roleId}, CASE ${role} WHEN 'member' THEN (SELECT default_role_id FROM organizations WHERE organizations.id = ${orgId}) END)`,
      ),
  ]);
  const found = identityFrom(tokens, memberships, ctx.now);
  const actor = found && ("identity" in found ? found.identity.actor : found.dead.actor);
  const membership = actor && membershipIn(actor, org);
  if (!membership) return { mayStillGive: false, isUnchanged: sql`1` };
  const scopes = given[0] ? scopesIn(given[0].grants) : rightsOfRole(role, membership.settings);
  const mayStillGive =
    mayGiveEverything(actor, membership) || (mayAs(membership, "invites:create") && scopesBeyond(actor, membership, scopes).length === 0);
  return { mayStillGive, isUnchanged: and(rightsAreUnchanged(actor, membership), rolesAreUnchanged(given))! };
}

/** SQL condition: the invitation is not for another account. For the caller, such an invitation does not exist. */
const isFor = (ctx: PersonContext) => or(isNull(invites.userId), eq(invites.userId, ctx.actor.user.id));

type Invite = NonNullable<Awaited<ReturnType<typeof read>>>;

async function read(ctx: PersonContext, orgName: string, id: string) {
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db
      .select({
        orgId: invites.orgId,
        org: organizations.name,
        role: invites.role,
        roleId: invites.roleId,
        madeWith: invites.madeWith,
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

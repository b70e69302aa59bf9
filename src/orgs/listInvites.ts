import { type SQL, and, desc, eq, sql } from "drizzle-orm";
import { guard, guarded } from "../auth/guard.ts";
import type { ActorContext, OrgContext, PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import type { ListInvitesResponse, MailState } from "./openapi.ts";
import { acceptUrl } from "./inviteLink.ts";
import { MOST_TRIES } from "./mailInvites.ts";
import { isPending, knownTo, madeByMachine } from "./pendingInvites.ts";
import { invites, organizations } from "./table.ts";

/** Maximum number of invitations of a list: the contract has no pages here, so the latest are returned. */
const MOST_INVITES = 1000;

/** Pending invitations. Their links give access, so only a caller who may invite sees them. */
export async function listOrgInvites(ctx: OrgContext, origin: string) {
  const [rows] = await guarded(ctx, [waiting(ctx, knownTo(ctx))]);
  return toList(rows, origin);
}

/** Invitations for the caller's own address or account. */
export async function listUserOrgInvites(ctx: PersonContext, origin: string) {
  const { email, id } = ctx.actor.user;
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    // An invitation without an address is for anyone with its link.
    waiting(ctx, sql`(lower(${invites.email}) = lower(${email}) AND ${invites.email} <> '' OR ${invites.userId} = ${id})`),
  ]);
  return toList(rows, origin);
}

const waiting = (ctx: ActorContext, which: SQL) =>
  ctx.store.db
    .select({
      id: sql<string>`${invites.id}`.as("invite_id"),
      email: invites.email,
      role: invites.role,
      roleId: invites.roleId,
      sentAt: invites.sentAt,
      sentBy: invites.sentBy,
      mail: mailState,
      org: organizations.name,
      sender: sql<string>`coalesce(
        (SELECT name FROM users WHERE NOT ${madeByMachine} AND lower(login) = lower(invites.sent_by)), invites.sent_by)`.as("sender"),
    })
    .from(invites)
    .innerJoin(organizations, eq(organizations.id, invites.orgId))
    .where(and(which, isPending("invites", ctx.now)))
    .orderBy(desc(invites.createdAt), invites.id)
    .limit(MOST_INVITES);

/** SQL: what became of an invitation's mail; null if none was to be sent. */
const mailState =
  sql<MailState | null>`CASE WHEN ${invites.mailAt} IS NOT NULL THEN 'waiting' WHEN ${invites.mailTries} >= ${MOST_TRIES} THEN 'failed'
  WHEN ${invites.mailedAt} IS NOT NULL THEN 'sent' END`.as("mail");

const toList = (rows: Awaited<ReturnType<typeof waiting>>, origin: string): ListInvitesResponse => ({
  invites: rows.map(({ id, email, role, roleId, sentAt, sentBy, mail, org, sender }) => ({
    id,
    email,
    role,
    ...(roleId !== null && { roleId }),
    sentBy: { githubLogin: sentBy, name: sender, avatarUrl: "" },
    sentAt: Math.floor(sentAt / 1000),
    acceptInviteUrl: acceptUrl(origin, org, id),
    status: "pending",
    ...(mail !== null && { mail }),
  })),
});

import { type SQL, and, eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { type AuditEvent, auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { type OrgContext, loginOf } from "../context.ts";
import { notFound } from "../errors.ts";
import { acceptUrl, shortId } from "./inviteLink.ts";
import type { CreateInviteRequest, EmailInviteRequest } from "./inviteSchema.ts";
import { type GivenRole, givenRole, givenRoles } from "../roles/given.ts";
import { dueMail, mailInvites, requireMailAgain, requireMails } from "./mailInvites.ts";
import { isPending, knownTo } from "./pendingInvites.ts";
import { requireMembersAllowed } from "./requireMembersAllowed.ts";
import { invites } from "./table.ts";

interface NewInvite {
  id: string;
  email: string;
  given: GivenRole;
}

/** Creates an invitation for anyone with the link. */
export async function inviteByLink(ctx: OrgContext, origin: string, request: z.infer<typeof CreateInviteRequest>) {
  const given = await givenRole(ctx, { role: request.role, fgaRoleId: request.roleId }, "default");
  const invite = { id: crypto.randomUUID(), email: "", given };
  await write(ctx, origin, [invite]);
  return { id: invite.id, acceptInviteUrl: acceptUrl(origin, ctx.org.name, invite.id) };
}

/**
 * Creates invitations for addresses, and mails the links if the deployment sends mail; the links are in the answer, too. An invitation is not
 * created if its address belongs to a member, has a pending invitation, or occurs earlier in the list; the others are created.
 * @throws 400 and 429 of `requireMails`
 */
export async function inviteByEmail(ctx: OrgContext, origin: string, requests: z.infer<typeof EmailInviteRequest>[]) {
  await requireMails(
    ctx,
    requests.map(({ email }) => email),
  );
  const given = await givenRoles(
    ctx,
    requests.map(({ role, roleId }) => ({ role, fgaRoleId: roleId })),
    "default",
  );
  const asked = requests.map((request, i) => ({ request, id: crypto.randomUUID(), email: request.email, given: given[i]! }));
  const first = new Map(asked.toReversed().map((one) => [one.email.toLowerCase(), one.id]));
  const made = await write(
    ctx,
    origin,
    asked.filter((one) => first.get(one.email.toLowerCase()) === one.id).map(({ id, email, given }) => ({ id, email, given })),
  );
  return {
    sentInvites: asked.filter(({ id }) => made.has(id)).map(({ id }) => ({ id, acceptInviteUrl: acceptUrl(origin, ctx.org.name, id) })),
    failedInvites: asked
      .filter(({ id }) => !made.has(id))
      .map(({ request, email, given: { role } }) => ({ email, role, ...(request.roleId && { roleId: request.roleId }) })),
  };
}

/** @returns the ids of the invitations that were created. @throws 400 of `requireMembersAllowed` */
async function write(ctx: OrgContext, origin: string, wanted: NewInvite[]): Promise<Set<string>> {
  requireMembersAllowed(ctx);
  const { mailAt, mailTries, mailOrigin } = dueMail(ctx, origin);
  const events = wanted.map(({ id, email, given }) =>
    auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
      event: "organization-invite-sent",
      description: `Invited ${email || "anyone with the link"} as ${given.name} (${shortId(id)}).`,
    }),
  );
  const rows = sql`json_each(${JSON.stringify(wanted)})`;
  const field = (name: string) => sql`json_extract(value, ${`$.${name}`})`;
  const isFree = sql`${field("email")} = '' OR (
    NOT EXISTS (SELECT 1 FROM invites AS old WHERE old.org_id = ${ctx.org.id} AND ${isPending("old", ctx.now)} AND lower(old.email) = lower(${field("email")}))
    AND NOT EXISTS (SELECT 1 FROM members JOIN users ON users.id = members.user_id
      WHERE members.org_id = ${ctx.org.id} AND members.accepted_at IS NOT NULL AND lower(users.email) = lower(${field("email")})))`;
  const results = await guarded(ctx, [
    ctx.store.db.insert(invites).select(sql`SELECT ${field("id")}, ${ctx.org.id}, ${field("email")}, ${field("given.role")}, 'pending',
      ${ctx.now}, ${loginOf(ctx.actor)}, ${ctx.now}, NULL, NULL, ${ctx.actor.token.id}, ${field("given.roleId")},
      iif(${field("email")} = '', NULL, ${mailAt}), ${mailTries}, NULL, ${mailOrigin}
      FROM ${rows} WHERE ${isFree}`),
    ...events.map((event, i) => auditIf(ctx.store, event, sql`EXISTS (SELECT 1 FROM invites WHERE id = ${wanted[i]!.id})`)),
    ctx.store.db
      .select({ id: invites.id })
      .from(invites)
      .where(sql`${invites.id} IN (SELECT ${field("id")} FROM ${rows})`),
  ]);
  const made = new Set((results.at(-1) as { id: string }[]).map(({ id }) => id));
  relaySoon(ctx, ...events.filter((_, i) => made.has(wanted[i]!.id)));
  mailSoon(ctx);
  return made;
}

/** @throws 404 if the invitation is not pending */
export async function cancelInvite(ctx: OrgContext, id: string): Promise<void> {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-invite-canceled",
    description: `Canceled the invitation ${shortId(id)}.`,
  });
  const [canceled] = await guarded(ctx, [
    ctx.store.db.update(invites).set({ status: "canceled" }).where(waits(ctx, id)).returning({ id: invites.id }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!canceled[0]) throw notFound("Invite");
  relaySoon(ctx, event);
}

/** Sends the cron's mails now, after the answer. The row of an invitation, not this call, guarantees that its mail is sent. */
const mailSoon = (ctx: OrgContext) => ctx.background("mail", (env) => mailInvites(env, ctx.now));

/**
 * Extends an invitation as if it were sent now. If the deployment sends mail, an invitation for an address is mailed again.
 * @throws 404 if the invitation is not pending, 429 of `requireMailAgain`
 */
export async function resendInvite(ctx: OrgContext, origin: string, id: string): Promise<void> {
  await requireMailAgain(ctx, waits(ctx, id));
  const due = dueMail(ctx, origin);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-invite-sent",
    description: `Sent the invitation ${shortId(id)} again.`,
  });
  const [sent] = await guarded(ctx, [
    ctx.store.db
      .update(invites)
      .set({ sentAt: ctx.now, ...due, mailAt: sql`iif(${invites.email} = '', NULL, ${due.mailAt})` })
      .where(waits(ctx, id))
      .returning({ id: invites.id }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!sent[0]) throw notFound("Invite");
  relaySoon(ctx, event);
  mailSoon(ctx);
}

/**
 * Statements for the batch in which a person stops being an administrator: they cancel the person's pending invitations.
 * @param lost SQL condition: the person is not an administrator any more
 */
export const cancelInvitesOf = (
  ctx: OrgContext,
  login: string,
  lost: SQL,
): [ReturnType<typeof cancelWhere>, ReturnType<typeof auditIf>, AuditEvent] => {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-invite-canceled",
    description: `Canceled the pending invitations of ${login}, who is not an administrator any more.`,
  });
  return [cancelWhere(ctx, login, lost), auditIf(ctx.store, event, changedARow), event];
};

const cancelWhere = (ctx: OrgContext, login: string, lost: SQL) =>
  ctx.store.db
    .update(invites)
    .set({ status: "canceled" })
    .where(
      and(
        eq(invites.orgId, ctx.org.id),
        eq(invites.status, "pending"),
        sql`(made_with IN (SELECT id FROM access_tokens WHERE user_id = (SELECT id FROM users WHERE lower(login) = lower(${login})))
          OR made_with IS NULL AND lower(sent_by) = lower(${login}))`,
        lost,
      ),
    );

const waits = (ctx: OrgContext, id: string) => and(eq(invites.id, id), knownTo(ctx), eq(invites.status, "pending"))!;

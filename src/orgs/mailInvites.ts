import { type SQL, and, eq, inArray, sql } from "drizzle-orm";
import { rely } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { badRequest, tooManyRequests } from "../errors.ts";
import { logError } from "../log.ts";
import { sendMail, sendsMail } from "../mail/send.ts";
import { acceptUrl, shortId } from "./inviteLink.ts";
import { LIFE, isPending } from "./pendingInvites.ts";
import { invites, organizations } from "./table.ts";

const DAY = 86_400_000;
/** Invitations by address of one organization in a day, so that no caller floods strangers with our mail. */
const MOST_IN_A_DAY = 500;
/** Mails of one run; the cron sends the others. */
const MOST_AT_ONCE = 20;
/** A mail that was not accepted is tried again after 5, 10, 20 … minutes, for about ten hours. */
const FIRST_DELAY = 5 * 60_000;
export const MOST_TRIES = 8;

/** One address, without characters that some mail service would read as a list or as a name. */
const isOneAddress = (address: string) => /^[^\s\p{C}@<>()[\]\\,;:"]+@[^\s\p{C}@<>()[\]\\,;:"]+$/u.test(address) && address.isWellFormed();

/**
 * Checks that the mails of a change may be sent, and makes the change check the limit again. A deployment without mail has no such limit.
 * @throws 400 for what is not one address, 429 beyond the limit of a day
 */
export async function requireMails(ctx: OrgContext, addresses: string[]): Promise<void> {
  if (!sendsMail(ctx.env)) return;
  const faulty = addresses.find((address) => !isOneAddress(address));
  if (faulty !== undefined) throw badRequest(`${faulty} is not the address of one person`);
  const hasRoom = sql`(SELECT count(*) FROM invites AS sent WHERE sent.org_id = ${ctx.org.id} AND sent.sent_at > ${ctx.now - DAY}
    AND sent.email <> '') + ${addresses.length} <= ${MOST_IN_A_DAY}`;
  await requireLimit(ctx, hasRoom, `an organization sends at most ${MOST_IN_A_DAY} invitations by mail in a day`);
}

/**
 * Checks that the mail of an invitation may be sent again. Each invitation counts once in a day, so it is mailed once in a day.
 * @throws 429
 */
export async function requireMailAgain(ctx: OrgContext, thatInvite: SQL): Promise<void> {
  if (!sendsMail(ctx.env)) return;
  const isMailed = sql`EXISTS (SELECT 1 FROM ${invites} WHERE ${thatInvite}
    AND (${invites.mailAt} IS NOT NULL OR ${invites.mailedAt} > ${ctx.now - DAY}))`;
  await requireLimit(ctx, sql`NOT ${isMailed}`, "an invitation is mailed at most once in a day");
  await requireMails(ctx, []);
}

/** Also makes the change fail, and the call begin again, if the limit is reached meanwhile. @throws 429 */
async function requireLimit(ctx: OrgContext, isBelow: SQL, limit: string): Promise<void> {
  const [rows] = await batch(ctx.store, [ctx.store.db.select({ isBelow: sql<number>`${isBelow}`.as("is_below") }).from(sql`(SELECT 1)`)]);
  if (!rows[0]!.isBelow) throw tooManyRequests(3600, limit);
  rely(ctx, isBelow);
}

/** The columns of an invitation whose mail is due now, if the deployment sends mail and the invitation is for an address. */
export const dueMail = (ctx: OrgContext, origin: string) => ({
  mailAt: sendsMail(ctx.env) ? ctx.now : null,
  mailTries: 0,
  mailOrigin: sendsMail(ctx.env) ? origin : null,
});

/** Sends the mails that are due. A mail may be sent twice if this stops after it was accepted; none is forgotten. */
export async function mailInvites(env: Bindings, now: number): Promise<{ sent: number; failed: number } | undefined> {
  if (!sendsMail(env)) return undefined;
  const store = openStore(env);
  const due = sql`SELECT invites.id FROM invites WHERE invites.mail_at <= ${now} ORDER BY invites.mail_at LIMIT ${MOST_AT_ONCE}`;
  const [claimed] = await batch(store, [
    store.db
      .update(invites)
      .set({ mailAt: next(now), mailTries: sql`${invites.mailTries} + 1` })
      .where(sql`${invites.id} IN (${due})`)
      .returning({ id: invites.id }),
  ]);
  if (claimed.length === 0) return { sent: 0, failed: 0 };
  const ids = claimed.map(({ id }) => id);
  const [pending] = await batch(store, [
    store.db
      .select({
        id: invites.id,
        email: invites.email,
        sentBy: invites.sentBy,
        sentAt: invites.sentAt,
        origin: invites.mailOrigin,
        org: organizations.name,
      })
      .from(invites)
      .innerJoin(organizations, eq(organizations.id, invites.orgId))
      .where(and(inArray(invites.id, ids), isPending("invites", now))),
  ]);
  const accepted = (await Promise.all(pending.map((invite) => send(env, invite)))).filter((id) => id !== undefined);
  const over = ids.filter((id) => !pending.some((invite) => invite.id === id));
  if (accepted.length + over.length > 0)
    await batch(store, [
      store.db.update(invites).set({ mailAt: null, mailedAt: now }).where(inArray(invites.id, accepted)),
      store.db.update(invites).set({ mailAt: null }).where(inArray(invites.id, over)),
    ]);
  return { sent: accepted.length, failed: pending.length - accepted.length };
}

/** SQL: when a mail is tried again if this try fails; null after the last one. */
const next = (now: number): SQL<number | null> =>
  sql`CASE WHEN ${invites.mailTries} + 1 < ${MOST_TRIES} THEN ${now} + (${FIRST_DELAY} << ${invites.mailTries}) END`;

/** @returns the id of the invitation if its mail was accepted */
async function send(
  env: Bindings,
  {
    id,
    email,
    sentBy,
    sentAt,
    origin,
    org,
  }: { id: string; email: string; sentBy: string; sentAt: number; origin: string | null; org: string },
): Promise<string | undefined> {
  const until = new Date(sentAt + LIFE).toISOString().slice(0, 10);
  const text = [
    `${sentBy} invites you to the organization ${org}.`,
    `Open this page to join:\n${acceptUrl(origin ?? "", org, id)}`,
    `The link works once, until ${until}. Whoever has the link can join, so do not pass it on.`,
    `If you do not know the organization, ignore this mail: nothing happens without you.`,
  ].join("\n\n");
  try {
    await sendMail(env, { to: email, subject: `Invitation to ${org}`, text: `${text}\n` });
    return id;
  } catch (error) {
    logError("mail not sent", error, { invitation: shortId(id) });
    return undefined;
  }
}

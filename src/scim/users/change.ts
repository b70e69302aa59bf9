import { and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type AuditEvent, auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { forgetIdentities } from "../../auth/resolve.ts";
import type { OrgContext } from "../../context.ts";
import { failUnless } from "../../db/client.ts";
import { users } from "../../users/table.ts";
import { shownAs } from "../account.ts";
import { ScimFault } from "../fault.ts";
import { folded } from "../members.ts";
import { scimUsers } from "../table.ts";
import type { UserAttributes } from "../user.ts";
import { type Surroundings, readSurroundings } from "./find.ts";
import { bar, enterTeams, formerOf, join, leave, mayLeave, readmitTokens, rejoin, tokensOfPerson } from "./membership.ts";
import { type StoredUser, isUnchanged } from "./read.ts";

/** Maximum number of cache entries that one call deletes; others expire within a minute, and pass no guard. */
const MOST_FORGOTTEN = 200;

/** The user and its external id, for a description. */
export const inWords = ({ userName, externalId }: { userName: string; externalId: string | null }) =>
  `${JSON.stringify(userName)}${externalId === null ? "" : ` (external id ${JSON.stringify(externalId)})`}`;

export const attributesOf = ({ userName, externalId, active, profile }: StoredUser): UserAttributes => ({
  userName,
  externalId,
  active,
  profile,
});

/**
 * Gives a SCIM user the wanted attributes, and its person the access that `active` says. One batch does all of it or nothing, and it fails if
 * another change came between.
 * @param current undefined for a new user
 * @returns the stored user
 * @throws 409
 */
export async function changeUser(ctx: OrgContext, current: StoredUser | undefined, wanted: UserAttributes): Promise<StoredUser> {
  const around = await readSurroundings(ctx, current, wanted);
  if (!wanted.active && around.isLastAdmin) throw await lastAdminStays(ctx, current ?? wanted);
  const now = ctx.now;
  const id = current?.id ?? crypto.randomUUID();
  const plan = planOf(current, wanted, around);
  const row: StoredUser = {
    id,
    orgId: ctx.org.id,
    userId: plan.userId,
    userName: wanted.userName,
    userNameKey: folded(wanted.userName),
    externalId: wanted.externalId,
    active: wanted.active,
    profile: wanted.profile,
    madeAccount: plan.madeAccount,
    former: null,
    createdAt: current?.createdAt ?? now,
    modifiedAt: now,
    version: (current?.version ?? 0) + 1,
    deletedAt: null,
  };
  const events = eventsOf(ctx, current, row, plan);
  if (current && events.length === 0) return current;

  const { userId, step } = plan;
  const { db } = ctx.store;
  const statements: BatchItem<"sqlite">[] = [];
  if (current) statements.push(db.select({ holds: failUnless(isUnchanged(current)) }).from(sql`(SELECT 1)`));
  if (step === "leave" && userId) statements.push(mayLeave(ctx, userId));
  if (step === "create" && userId) {
    const { name, email } = shownAs(wanted);
    statements.push(db.insert(users).values({ id: userId, login: plan.login, name, email, createdAt: now }));
  }
  if (step === "link" && userId) statements.push(db.select({ holds: failUnless(isStillMember(ctx, userId)) }).from(sql`(SELECT 1)`));
  if (step === "rejoin" && userId) statements.push(...rejoin(ctx, id, userId));
  statements.push(store(ctx, current, row, plan));
  if (step === "leave" && userId) statements.push(...leave(ctx, userId));
  if ((step === "create" || step === "join") && userId) statements.push(join(ctx, userId));
  // An administrator may have removed the person by hand, and that bars no token.
  if (step === "join" && userId && !around.restoresTokens) statements.push(...bar(ctx, userId));
  if (current && wanted.active && userId && step !== undefined) {
    statements.push(enterTeams(ctx, id, userId));
    if (step === "rejoin" && around.restoresTokens) statements.push(readmitTokens(ctx, userId));
  }
  if (row.madeAccount && userId && step !== "create") statements.push(renameAccount(ctx, userId, wanted));
  const results = await guarded(ctx, [
    tokensOfPerson(ctx, userId ?? ""),
    ...statements,
    ...events.map((event) => auditStatement(ctx.store, event)),
  ] as [ReturnType<typeof tokensOfPerson>, ...BatchItem<"sqlite">[]]);
  await settle(ctx, results[0], step === "leave");
  relaySoon(ctx, ...events);
  return row;
}

/** After the commit and before the answer: forgets cached identities, and notifies running updates if the access has ended. */
export async function settle(ctx: OrgContext, tokens: { id: string; hash: string }[], hasLeft: boolean): Promise<void> {
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.slice(0, MOST_FORGOTTEN).map(({ hash }) => hash),
  );
  if (hasLeft) await ctx.tokensEnded({ tokenIds: tokens.map(({ id }) => id), orgId: ctx.org.id });
}

interface Plan {
  userId: string | null;
  login: string;
  madeAccount: boolean;
  /**
   * `link`: the account is that of a member. `create`, `join`: a new account, or one that SCIM made, becomes a member. `rejoin`: a deactivated
   * one becomes a member again. `leave`: the access ends. Undefined: the access stays as it is.
   */
  step: "link" | "create" | "join" | "rejoin" | "leave" | undefined;
}

/** Pure. */
function planOf(current: StoredUser | undefined, wanted: UserAttributes, around: Surroundings): Plan {
  const { account } = around;
  const kept = { userId: current?.userId ?? null, login: around.login ?? "", madeAccount: current?.madeAccount ?? false };
  if (!wanted.active) {
    if (current?.active) return { ...kept, step: "leave" };
    // An identity provider that creates an inactive user says that a member of that name has left.
    if (!current && account.kind === "member") return { userId: account.userId, login: account.login, madeAccount: false, step: "leave" };
    return { ...kept, step: undefined };
  }
  if (current?.active) return { ...kept, step: undefined };
  if (current?.former) return { ...kept, step: "rejoin" };
  if (around.isMember) return { ...kept, step: "link" };
  const { userId, login } = account;
  const step = ({ member: "link", own: "join", new: "create" } as const)[account.kind];
  return { userId, login, madeAccount: account.kind !== "member", step };
}

/** The statement that stores the user. A person who leaves is stored with the membership, which the following statements end. */
function store(ctx: OrgContext, current: StoredUser | undefined, row: StoredUser, { step }: Plan) {
  const { db } = ctx.store;
  const former = step === "leave" && row.userId ? formerOf(ctx, row.userId) : step === undefined && current?.former ? undefined : sql`NULL`;
  if (!current) return db.insert(scimUsers).values({ ...row, former: former ?? null } as never);
  const { id, orgId: _, createdAt: __, former: ___, ...changed } = row;
  return db
    .update(scimUsers)
    .set({ ...changed, ...(former && { former }) } as never)
    .where(eq(scimUsers.id, id));
}

const isStillMember = (ctx: OrgContext, userId: string) =>
  sql`EXISTS (SELECT 1 FROM members WHERE org_id = ${ctx.org.id} AND user_id = ${userId})`;

/** An account that SCIM made, and that is in no other organization, has the names of its user. */
function renameAccount(ctx: OrgContext, userId: string, wanted: UserAttributes) {
  return ctx.store.db
    .update(users)
    .set(shownAs(wanted))
    .where(and(eq(users.id, userId), sql`NOT EXISTS (SELECT 1 FROM members WHERE user_id = ${userId} AND org_id <> ${ctx.org.id})`));
}

/** The events of a change: what it did to the access, and which attributes it changed. None if it changes nothing. */
function eventsOf(ctx: OrgContext, current: StoredUser | undefined, row: StoredUser, { step, login }: Plan): AuditEvent[] {
  const who = whoIs(ctx.actor);
  const subject = inWords(row);
  const account = login && `: account ${login}`;
  const event = (name: Parameters<typeof auditEvent>[3]["event"], description: string) =>
    auditEvent(ctx, ctx.org.id, who, { event: name, description });
  const events: AuditEvent[] = [];
  if (!current) {
    const how = { link: ", a member already", create: ", new", join: ", known from before", rejoin: "", leave: "" }[step ?? "leave"];
    events.push(event("scim-user-created", `Created user ${subject}${account}${how}${row.active ? "" : ", inactive"}.`));
  } else {
    const changes = changesBetween(current, row);
    if (changes.length > 0) events.push(event("scim-user-updated", `Changed user ${subject}: ${changes.join("; ")}.`));
  }
  if (step === "leave") events.push(event("scim-user-deactivated", `Deactivated user ${subject}${account} has no access any more.`));
  else if (current && step) events.push(event("scim-user-activated", `Activated user ${subject}${account} has access.`));
  return events;
}

function changesBetween(before: StoredUser, after: StoredUser): string[] {
  const name =
    before.userName === after.userName ? [] : [`userName from ${JSON.stringify(before.userName)} to ${JSON.stringify(after.userName)}`];
  const external =
    before.externalId === after.externalId
      ? []
      : [`external id from ${JSON.stringify(before.externalId)} to ${JSON.stringify(after.externalId)}`];
  const parts = (["displayName", "name", "emails"] as const).filter(
    (part) => JSON.stringify(before.profile[part]) !== JSON.stringify(after.profile[part]),
  );
  return [...name, ...external, ...(parts.length > 0 ? [parts.join(", ")] : [])];
}

/** Records that the last administrator cannot be removed. */
export async function lastAdminStays(ctx: OrgContext, user: { userName: string; externalId: string | null }): Promise<ScimFault> {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "scim-user-kept",
    description: `Refused: ${inWords(user)} is the last administrator of the organization, and stays one.`,
  });
  await guarded(ctx, [auditStatement(ctx.store, event)]);
  relaySoon(ctx, event);
  return new ScimFault(
    409,
    `"${user.userName}" is the last administrator of the organization ${ctx.org.name}, so nothing was changed. Make another member an administrator first.`,
  );
}

import { and, eq, isNull, or, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { relaySoon } from "../audit/relaySoon.ts";
import { type AuditEvent, type Who, auditEvent, auditIf, auditStatement, changedARow } from "../audit/record.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { RequestContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, batch, failUnless } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { members } from "../orgs/table.ts";
import { isInactive } from "../scim/provisioned.ts";
import { IDLE, SESSION_NAME, openSession } from "../sessions/open.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { type Account, type Found, thatIdentity } from "./account.ts";
import type { Person } from "./claims.ts";
import { loginFrom } from "./decide.ts";
import { applyGroups } from "./groups.ts";
import type { Provider } from "./provider.ts";
import { refuseSignIn } from "./refusal.ts";
import { connections, identities } from "./table.ts";

/** Which account a person from a provider gets into. */
export type Into =
  /** The account of the identity. */
  | { how: "known"; identityId: string; account: Account }
  /** The account that SCIM made. */
  | { how: "provisioned"; account: Account }
  /** An account whose holder has just signed in to it. `proof` fails unless that is still so. */
  | { how: "linked"; account: Account; proof: BatchItem<"sqlite"> }
  | { how: "new" };

const changed = () => new AppError(409, "Something changed during the sign-in, so nobody was signed in. Start again.");

/**
 * Signs a person from a provider in. One batch makes what is missing (the account, the identity, the membership), applies the groups, opens the session and
 * records it all; it fails if the connection has changed since it was read.
 * @returns the value of the session's cookie
 * @throws 403 for a person who is not in the organization and whom the provider may not make a member
 */
export async function enter(
  ctx: RequestContext,
  provider: Provider,
  person: Person,
  found: Pick<Found, "mayJoin" | "managedId">,
  into: Into,
): Promise<string> {
  const { org } = provider;
  const isNew = into.how === "new";
  const { managedId } = found;
  if (into.how !== "known" && managedId !== undefined && (isNew || into.account.user.id !== managedId))
    throw await managedElsewhere(ctx, provider, person);
  if (isNew && !found.mayJoin) throw await mayNotJoin(ctx, provider, person);
  if (!isNew && org && !into.account.isMember && !found.mayJoin) throw await mayNotJoin(ctx, provider, person);
  for (const suffix of ["", `-${crypto.randomUUID().slice(0, 4)}`, `-${crypto.randomUUID().slice(0, 8)}`]) {
    const user = isNew ? await newUser(ctx, person, suffix) : into.account.user;
    if (!user) continue;
    try {
      return await attempt(ctx, provider, person, found.mayJoin, into, user);
    } catch (error) {
      // Somebody else has just taken the login.
      if (error instanceof UniqueViolation && isNew && suffix.length < 9) continue;
      if (error instanceof UniqueViolation || error instanceof PreconditionFailed) throw changed();
      throw error;
    }
  }
  throw changed();
}

const mayNotJoin = (ctx: RequestContext, provider: Provider, person: Person) =>
  refuseSignIn(
    ctx,
    provider,
    provider.org
      ? `You are not a member of ${provider.org.name}, and ${provider.name} does not confirm an address of a domain whose people may join by themselves. Ask an administrator for an invitation.`
      : `${provider.name} does not confirm an address of a domain whose people may have an account here. Ask the operator of this server.`,
    `the person with the subject ${person.subject} is not a member, and the address ${person.email || "(none)"} is ${person.isVerified ? "not of a domain that is allowed and proved" : "not confirmed"}`,
    403,
  );

/** A login that nobody has: no person and no organization (the log uses one name for both). @returns undefined if it is taken */
async function newUser(ctx: RequestContext, person: Person, suffix: string): Promise<Account["user"] | undefined> {
  const login = loginFrom(person.userName || person.name) + suffix;
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({
        taken:
          sql<number>`EXISTS (SELECT 1 FROM users WHERE lower(login) = lower(${login})) OR EXISTS (SELECT 1 FROM organizations WHERE lower(name) = lower(${login}))`.as(
            "taken",
          ),
      })
      .from(sql`(SELECT 1)`),
  ]);
  return rows[0]!.taken ? undefined : { id: crypto.randomUUID(), login, name: person.name || login };
}

/** A second account of a person would stay when SCIM deactivates the first one. */
const managedElsewhere = (ctx: RequestContext, provider: Provider, person: Person) =>
  refuseSignIn(
    ctx,
    provider,
    `The identity provider of ${provider.org!.name} already manages an account for you by SCIM. Use a personal access token of that account to link it, or ask an administrator.`,
    `the person with the subject ${person.subject} has an account that SCIM manages, and chose another one`,
    403,
  );

async function attempt(
  ctx: RequestContext,
  provider: Provider,
  person: Person,
  mayJoin: boolean,
  into: Into,
  user: Account["user"],
): Promise<string> {
  const { org } = provider;
  const { db } = ctx.store;
  const id = crypto.randomUUID();
  const who: Who = { userLogin: user.login, userName: user.name, tokenId: id, tokenName: SESSION_NAME };
  const events: AuditEvent[] = [];
  const orgIds = org ? [org.id] : into.how === "new" ? [] : into.account.orgIds;
  const identityId = into.how === "known" ? into.identityId : crypto.randomUUID();
  const record = (entry: { event: "user-login" | "identity-linked" | "member-added"; description: string }): BatchItem<"sqlite">[] =>
    orgIds.map((orgId) => {
      const event = auditEvent(ctx, orgId, who, entry);
      events.push(event);
      return entry.event === "member-added" ? auditIf(ctx.store, event, changedARow) : auditStatement(ctx.store, event);
    });
  const groups = applyGroups(ctx, provider, person, user, who);
  events.push(...groups.events);

  const first: [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]] = [
    db.select({ holds: failUnless(isUnchanged(provider)) }).from(sql`(SELECT 1)`),
    ...(org ? [db.select({ holds: failUnless(sql`NOT ${isInactive(org.id, sql`${user.id}`)}`) }).from(sql`(SELECT 1)`)] : []),
    ...(into.how === "linked" ? [into.proof] : []),
    ...(into.how === "new"
      ? [
          db
            .insert(users)
            .values({ id: user.id, login: user.login, name: user.name, email: person.isVerified ? person.email : "", createdAt: ctx.now }),
        ]
      : []),
    ...(into.how === "known"
      ? [
          db
            .update(identities)
            .set({ lastSignInAt: ctx.now, email: person.email })
            .where(and(thatIdentity(provider, person), eq(identities.userId, user.id))),
          db.select({ holds: failUnless(sql`changes() = 1`) }).from(sql`(SELECT 1)`),
        ]
      : [
          db.insert(identities).values({
            id: identityId,
            connectionId: provider.id,
            orgId: org?.id ?? null,
            issuer: provider.issuer,
            subject: person.subject,
            userId: user.id,
            email: person.email,
            createdAt: ctx.now,
            lastSignInAt: ctx.now,
          }),
          ...record({ event: "identity-linked", description: linkedText(provider, person, into.how, user.login) }),
        ]),
    ...(org && mayJoin
      ? [
          db
            .insert(members)
            .values({ orgId: org.id, userId: user.id, role: provider.firstRole, createdAt: ctx.now, acceptedAt: ctx.now })
            .onConflictDoNothing(),
          ...record({
            event: "member-added",
            description: `Added ${user.login} as ${provider.firstRole}, by a sign-in through "${provider.name}".`,
          }),
        ]
      : []),
    // A member who was removed a moment ago does not come back.
    ...(org && !mayJoin ? [db.select({ holds: failUnless(isIn(org.id, user.id)) }).from(sql`(SELECT 1)`)] : []),
    ...(org ? groups.statements : []),
  ];
  const cookie = await openSession(
    ctx,
    user,
    {
      id,
      openedWith: null,
      onlyOrgId: org?.id ?? null,
      identityId,
      providerSession: person.session || null,
      ...longestOf(provider, person, ctx.now),
    },
    first,
    ...record({
      event: "user-login",
      description: `Signed in to the console through "${provider.name}" as ${person.subject}${person.email && ` (${person.email})`}: session ${id}.`,
    }),
  );
  await forgetTokens(ctx, user.id);
  if (events.length > 0) relaySoon(ctx, ...events);
  return cookie;
}

/** The limit of the organization, or that of the provider if it is shorter. */
function longestOf({ longestSession }: Provider, { sessionEndsAt }: Person, now: number): { longest?: number } {
  if (longestSession === undefined && sessionEndsAt === undefined) return {};
  return { longest: Math.min(longestSession ?? IDLE, (sessionEndsAt ?? Infinity) - now) };
}

const linkedText = ({ name }: Provider, { subject }: Person, how: Into["how"], login: string) =>
  how === "new"
    ? `Created the account ${login} for the identity ${subject} of "${name}".`
    : `Linked the account ${login} with the identity ${subject} of "${name}"${how === "provisioned" ? ", which SCIM made" : ""}.`;

const isIn = (orgId: string, userId: string) => sql`EXISTS (SELECT 1 FROM members WHERE org_id = ${orgId} AND user_id = ${userId})`;

/** SQL condition: the connection is as it was read. The providers of the deployment are settings, which no request changes. */
const isUnchanged = ({ id, org, version }: Provider) =>
  org
    ? sql`EXISTS (SELECT 1 FROM ${connections} WHERE ${and(eq(connections.id, id), eq(connections.version, version), eq(connections.enabled, true))})`
    : sql`1`;

/** The person's other tokens may have got rights by the sign-in. */
async function forgetTokens(ctx: RequestContext, userId: string): Promise<void> {
  const live = and(
    eq(accessTokens.userId, userId),
    isNull(accessTokens.deletedAt),
    or(isNull(accessTokens.expiresAt), sql`${accessTokens.expiresAt} > ${ctx.now}`),
  );
  const [rows] = await batch(ctx.store, [ctx.store.db.select({ hash: accessTokens.hash }).from(accessTokens).where(live).limit(100)]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    rows.map(({ hash }) => hash),
  );
}

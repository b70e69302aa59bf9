import { and, eq, isNull, ne, or, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { announce } from "../audit/announce.ts";
import { auditEvent, changedARow, promiseIf, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { has, lacking, requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation, batch } from "../db/client.ts";
import { AppError, badRequest, notFound } from "../errors.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { cancelInvitesOf } from "./invite.ts";
import { builtInRoles, roleId } from "./roles.ts";
import { type Role, members, organizations } from "./table.ts";

const PAGE = 100;
const Key = z.tuple([z.number(), z.string()]);

interface Person {
  login: string;
  name: string;
  email: string;
}

/** Oldest first. There is no roster beside our own, so the contract's two member types are one list. */
export async function listMembers(ctx: OrgContext, continuationToken: string | undefined) {
  const after = fromCursor(continuationToken, Key);
  const [, rows, roles] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db
      .select({
        userId: members.userId,
        role: members.role,
        joined: sql<number>`${members.createdAt}`.as("joined"),
        login: users.login,
        name: users.name,
        email: users.email,
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.orgId, ctx.org.id), after && sql`(${members.createdAt}, ${members.userId}) > (${after[0]}, ${after[1]})`))
      .orderBy(members.createdAt, members.userId)
      .limit(PAGE + 1),
    rolesModified(ctx),
  ]);
  const { items, continuationToken: next } = page(rows, PAGE, (row) => [row.joined, row.userId]);
  return { members: items.map((row) => toMember(ctx.org.id, row, row.role, row.joined, roles[0]!.at)), continuationToken: next };
}

export async function addMember(ctx: OrgContext, login: string, role: Role) {
  if (role === "admin") await requireRight(ctx, "org_member:set_admin");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "member-added",
    description: `Added ${login} as ${role}.`,
  });
  try {
    const [, people, , , roles] = await batch(ctx.store, [
      guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
      person(ctx, login),
      ctx.store.db.insert(members).select(sql`SELECT ${ctx.org.id}, id, ${role}, ${ctx.now} FROM users WHERE ${isLogin(login)}`),
      promiseIf(ctx.store, event, changedARow),
      rolesModified(ctx),
    ]);
    const found = people[0];
    if (!found) throw notFound(`User '${login.slice(0, 100)}'`);
    announce(ctx, event);
    return toMember(ctx.org.id, found, role, ctx.now, roles[0]!.at);
  } catch (error) {
    if (error instanceof UniqueViolation) throw new AppError(409, "User is already an organization member.");
    throw error;
  }
}

/**
 * An administrator who becomes less loses the invitations that nobody accepted yet.
 * @throws 400 when it would leave the organization without an admin, 403 for a machine that would make or end one
 */
export async function changeMemberRole(ctx: OrgContext, login: string, role: Role): Promise<void> {
  if (role === "admin") await requireRight(ctx, "org_member:set_admin");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "member-role-changed",
    description: `Changed the role of ${login} to ${role}.`,
  });
  const [canceled, cancelPromise, cancelEvent] = cancelInvitesOf(ctx, login, noAdmin(ctx, login));
  const allowed = role === "admin" ? sql`1` : notTheLastAdmin(ctx);
  const [, before, , , after, tokens] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    currentRole(ctx, login),
    ctx.store.db
      .update(members)
      .set({ role })
      .where(and(isMember(ctx, login), ne(members.role, role), allowed, withinReach(ctx))),
    promiseIf(ctx.store, event, changedARow),
    currentRole(ctx, login),
    tokensOf(ctx, login),
    canceled,
    cancelPromise,
  ]);
  if (!before[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  if (after[0]?.role !== role) throw await adminStays(ctx);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((t) => t.hash),
  );
  announce(ctx, event, cancelEvent);
}

/**
 * The person's own tokens open nothing here any more, and the invitations that wait are canceled; the organization tokens that this
 * person made live on.
 * @throws 400 for oneself and for the last admin, 403 for an admin when a machine asks
 */
export async function removeMember(ctx: OrgContext, login: string): Promise<void> {
  if (ctx.actor.kind === "user" && ctx.actor.user.login.toLowerCase() === login.toLowerCase())
    throw new AppError(400, "You cannot remove yourself from the organization.");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "member-removed", description: `Removed ${login}.` });
  const [canceled, cancelPromise, cancelEvent] = cancelInvitesOf(ctx, login, noAdmin(ctx, login));
  const [, before, , , after, tokens] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    currentRole(ctx, login),
    ctx.store.db.delete(members).where(and(isMember(ctx, login), notTheLastAdmin(ctx), withinReach(ctx))),
    promiseIf(ctx.store, event, changedARow),
    currentRole(ctx, login),
    tokensOf(ctx, login),
    canceled,
    cancelPromise,
  ]);
  if (!before[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  if (after[0]) throw await adminStays(ctx);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((t) => t.hash),
  );
  await ctx.tokensEnded({ tokenIds: tokens.map((t) => t.id), orgId: ctx.org.id });
  announce(ctx, event, cancelEvent);
}

/** Why an administrator is one still: the caller is none who could end that, or there is no other. */
const adminStays = async (ctx: OrgContext) =>
  has(ctx, "org_member:set_admin") ? badRequest("an organization needs at least one admin") : lacking(ctx, "org_member:set_admin");

const withinReach = (ctx: OrgContext) => (has(ctx, "org_member:set_admin") ? undefined : ne(members.role, "admin"));

const isLogin = (login: string) => sql`lower(login) = lower(${login})`;

const isMember = (ctx: OrgContext, login: string) =>
  and(eq(members.orgId, ctx.org.id), sql`${members.userId} = (SELECT id FROM users WHERE ${isLogin(login)})`);

const noAdmin = (ctx: OrgContext, login: string) =>
  sql`NOT EXISTS (SELECT 1 FROM members WHERE ${isMember(ctx, login)} AND role = 'admin')`;

const notTheLastAdmin = (ctx: OrgContext) =>
  or(ne(members.role, "admin"), sql`(SELECT count(*) FROM members WHERE org_id = ${ctx.org.id} AND role = 'admin') > 1`);

const person = (ctx: OrgContext, login: string) =>
  ctx.store.db
    .select({ login: users.login, name: users.name, email: users.email })
    .from(users)
    .where(sql`lower(${users.login}) = lower(${login})`);

const currentRole = (ctx: OrgContext, login: string) =>
  ctx.store.db.select({ role: members.role }).from(members).where(isMember(ctx, login));

/** Hashes of the person's living tokens: their cached identities name the old role. */
const tokensOf = (ctx: OrgContext, login: string) =>
  ctx.store.db
    .select({ id: accessTokens.id, hash: accessTokens.hash })
    .from(accessTokens)
    .where(and(sql`${accessTokens.userId} = (SELECT id FROM users WHERE ${isLogin(login)})`, isNull(accessTokens.deletedAt)));

/** The built-in roles are as old as their organization, and never change (`listRoles`). */
const rolesModified = (ctx: OrgContext) =>
  ctx.store.db.select({ at: organizations.createdAt }).from(organizations).where(eq(organizations.id, ctx.org.id));

const toMember = (orgId: string, who: Person, role: Role, joined: number, modified: number) => ({
  role,
  user: { githubLogin: who.login, name: who.name, avatarUrl: "", email: who.email },
  created: new Date(joined).toISOString(),
  knownToPulumi: true,
  virtualAdmin: false,
  fgaRole: { id: roleId(orgId, role), name: builtInRoles[role].name, modifiedAt: new Date(modified).toISOString() },
});

import { type SQL, and, eq, isNull, ne, or, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { settingsOf } from "../auth/policy.ts";
import { has, lacking } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, notFound } from "../errors.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { cancelInvitesOf } from "./invite.ts";
import { builtInRoles, roleId } from "../roles/builtIn.ts";
import type { GivenRole } from "../roles/given.ts";
import { type Role, members, organizations } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.number(), z.string()]);

interface Person {
  login: string;
  name: string;
  email: string;
  role: Role;
  joined: number;
  acceptedAt: number | null;
  /** The custom role, as `customRole` has it. */
  custom: string | null;
}

/** Lists the members, the oldest membership first. The contract has two types of members; here both are the same list. */
export async function listMembers(ctx: OrgContext, continuationToken: string | undefined) {
  const after = fromCursor(continuationToken, Key);
  const [rows, roles] = await guarded(ctx, [
    ctx.store.db
      .select({
        userId: members.userId,
        role: members.role,
        joined: sql<number>`${members.createdAt}`.as("joined"),
        acceptedAt: members.acceptedAt,
        custom: customRole(sql`coalesce(members.role_id,
          CASE members.role WHEN 'member' THEN (SELECT default_role_id FROM organizations WHERE organizations.id = members.org_id) END)`),
        login: users.login,
        name: users.name,
        email: users.email,
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.orgId, ctx.org.id), after && sql`(${members.createdAt}, ${members.userId}) > (${after[0]}, ${after[1]})`))
      .orderBy(members.createdAt, members.userId)
      .limit(PAGE_SIZE + 1),
    rolesModified(ctx),
  ]);
  const { items, continuationToken: next } = page(rows, PAGE_SIZE, (row) => [row.joined, row.userId]);
  return { members: items.map((row) => toMember(ctx.org.id, row, roles[0]!.at)), continuationToken: next };
}

/**
 * Changes the role of a member. If an administrator gets another role, the pending invitations of that person are canceled.
 * @throws 400 if the organization would have no administrator, 403 for a machine that would make or remove an administrator
 */
export async function changeMemberRole(ctx: OrgContext, login: string, given: GivenRole): Promise<void> {
  const { role, roleId: id } = given;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "member-role-changed",
    description: `Changed the role of ${login} to ${given.name}.`,
  });
  const allowed = role === "admin" ? sql`1` : notTheLastAdmin(ctx);
  const isNoAdmin = role === "admin" ? sql`0` : or(ne(members.role, "admin"), and(allowed, withinReach(ctx)));
  const [canceled, cancelPromise, cancelEvent] = cancelInvitesOf(ctx, login, noneBut(ctx, login, isNoAdmin));
  const [before, changed, , tokens] = await guarded(ctx, [
    currentRole(ctx, login),
    ctx.store.db
      .update(members)
      // A person who becomes an administrator again later is not an emergency administrator.
      .set({ role, roleId: id, roleConnectionId: null, ...(role !== "admin" && { isBreakGlass: false }) })
      .where(and(isMember(ctx, login), sql`(role, role_id) IS NOT (${role}, ${id})`, allowed, withinReach(ctx)))
      .returning({ userId: members.userId }),
    auditIf(ctx.store, event, changedARow),
    tokensOf(ctx, login),
    canceled,
    cancelPromise,
  ]);
  if (!before[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  const hadIt = before[0].role === role && before[0].roleId === id;
  if (!changed[0] && !hadIt) throw await adminStays(ctx);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((t) => t.hash),
  );
  relaySoon(ctx, event, cancelEvent);
}

/** The error for an administrator who was not changed: the caller may not change administrators, or this is the last one. */
export const adminStays = async (ctx: OrgContext) =>
  has(ctx, "org_member:set_admin")
    ? badRequest(`an organization needs at least one admin${emergencyText(ctx)}`)
    : lacking(ctx, "org_member:set_admin");

/** The end of a sentence about the last administrator, if single sign-on is required. */
export const emergencyText = (ctx: OrgContext): string =>
  settingsOf(ctx).ssoRequired === "off" ? "" : ", and while it requires single sign-on, one of its emergency administrators";

export const withinReach = (ctx: OrgContext) => (has(ctx, "org_member:set_admin") ? undefined : ne(members.role, "admin"));

export const isLogin = (login: string) => sql`lower(login) = lower(${login})`;

export const isMember = (ctx: OrgContext, login: string) =>
  and(eq(members.orgId, ctx.org.id), sql`${members.userId} = (SELECT id FROM users WHERE ${isLogin(login)})`);

/**
 * SQL condition: the change applies to the person, or the person is not a member. It is the same before and after the change, because a dry
 * run does not make it.
 * @param changes condition that is true of a row of `members` to which the change applies
 */
export const noneBut = (ctx: OrgContext, login: string, changes: SQL | undefined) =>
  sql`NOT EXISTS (SELECT 1 FROM ${members} WHERE ${isMember(ctx, login)} AND NOT ${changes ? sql`(${changes})` : sql`1`})`;

const admins = (orgId: string, which: SQL = sql`1`) =>
  sql`(SELECT count(*) FROM members WHERE org_id = ${orgId} AND role = 'admin' AND accepted_at IS NOT NULL AND ${which})`;

/**
 * SQL condition on a row of `members`: the last administrator, or the last emergency administrator of an organization that requires single sign-on. An
 * administrator who has not accepted the membership does not count.
 */
export const isLastAdmin = (orgId: string): SQL =>
  sql`(members.role = 'admin' AND members.accepted_at IS NOT NULL AND (${admins(orgId)} = 1 OR members.is_break_glass
    AND (SELECT sso_required FROM organizations WHERE id = ${orgId}) <> 'off' AND ${admins(orgId, sql`is_break_glass`)} = 1))`;

export const notTheLastAdmin = (ctx: OrgContext): SQL => sql`NOT ${isLastAdmin(ctx.org.id)}`;

export const currentRole = (ctx: OrgContext, login: string) =>
  ctx.store.db.select({ role: members.role, roleId: members.roleId }).from(members).where(isMember(ctx, login));

/** The person's tokens that are not deleted. Their cached identities contain the old role. */
export const tokensOf = (ctx: OrgContext, login: string) =>
  ctx.store.db
    .select({ id: accessTokens.id, hash: accessTokens.hash })
    .from(accessTokens)
    .where(and(sql`${accessTokens.userId} = (SELECT id FROM users WHERE ${isLogin(login)})`, isNull(accessTokens.deletedAt)));

/**
 * The time at which the organization was created, which is also that of its built-in roles.
 * @param roleId the assigned role; for null the result also has the default role if it is a custom one
 */
export const rolesModified = (ctx: OrgContext, roleId: string | null = null) =>
  ctx.store.db
    .select({ at: organizations.createdAt, custom: customRole(sql`coalesce(${roleId}, default_role_id)`) })
    .from(organizations)
    .where(eq(organizations.id, ctx.org.id));

/** The custom role with that id as JSON; null for a built-in role. */
const customRole = (id: SQL) =>
  sql<string | null>`(SELECT json_object('id', id, 'name', name, 'modifiedAt', modified_at) FROM roles WHERE id = ${id})`.as("custom_role");

function fgaRole(orgId: string, { role, custom }: Person, modified: number) {
  const shown = custom === null ? undefined : (JSON.parse(custom) as { id: string; name: string; modifiedAt: number });
  const { id, name, modifiedAt } = shown ?? { id: roleId(orgId, role), name: builtInRoles[role].name, modifiedAt: modified };
  return { id, name, modifiedAt: new Date(modifiedAt).toISOString() };
}

export const toMember = (orgId: string, person: Person, modified: number) => ({
  role: person.role,
  // The organization sees the address only after the person has accepted the membership.
  user: { githubLogin: person.login, name: person.name, avatarUrl: "", ...(person.acceptedAt !== null && { email: person.email }) },
  created: new Date(person.joined).toISOString(),
  knownToPulumi: true,
  virtualAdmin: false,
  fgaRole: fgaRole(orgId, person, modified),
  accepted: person.acceptedAt !== null,
});

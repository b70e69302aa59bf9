import { sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { type OrgContext, loginOf } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { AppError, notFound } from "../errors.ts";
import type { GivenRole } from "../roles/given.ts";
import { users } from "../users/table.ts";
import { shortId } from "./inviteLink.ts";
import { isPending } from "./pendingInvites.ts";
import { requireMembersAllowed } from "./requireMembersAllowed.ts";
import { currentRole, isLogin, isMember, rolesModified, toMember } from "./members.ts";
import { isSuspended, suspended } from "./suspended.ts";
import { type Role, invites, members } from "./table.ts";

const alreadyThere = () => new AppError(409, "User is already an organization member.");

/**
 * Adds an account of this deployment to the organization. The person has not accepted the membership yet: the person may use the
 * organization, but the organization has no power over the person. With `DIRECT_MEMBERS=invite` it creates an invitation instead.
 */
export async function addMember(ctx: OrgContext, login: string, given: GivenRole) {
  requireMembersAllowed(ctx);
  if (!addsDirectly(ctx.env.DIRECT_MEMBERS)) return inviteMember(ctx, login, given);
  const { role, roleId } = given;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "member-added",
    description: `Added ${login} as ${given.name}.`,
  });
  try {
    const [people, , , roles] = await guarded(ctx, [
      person(ctx, login),
      ctx.store.db.insert(members).select(
        sql`SELECT ${ctx.org.id}, id, ${role}, ${ctx.now}, NULL, ${ctx.actor.token.id}, ${roleId}, '[null,[]]', 0, 0, NULL FROM users
            WHERE ${isLogin(login)} AND NOT ${isSuspended(sql`${ctx.org.id}`, sql`users.id`)}`,
      ),
      auditIf(ctx.store, event, changedARow),
      rolesModified(ctx, roleId),
    ]);
    const found = people[0];
    if (!found) throw notFound(`User '${login.slice(0, 100)}'`);
    if (found.isSuspended) throw suspended();
    relaySoon(ctx, event);
    return toMember(ctx.org.id, { ...found, role, joined: ctx.now, acceptedAt: null, custom: customOf(role, roles[0]!) }, roles[0]!.at);
  } catch (error) {
    if (error instanceof UniqueViolation) throw alreadyThere();
    throw error;
  }
}

/** An unknown value of the setting counts as `invite`. */
const addsDirectly = (setting: string | undefined) => !setting || setting === "add";

/**
 * Creates an invitation for one account; its person finds it in the console. The answer calls the person a potential member (management-api
 * §5).
 */
async function inviteMember(ctx: OrgContext, login: string, { role, roleId, name }: GivenRole) {
  const id = crypto.randomUUID();
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-invite-sent",
    description: `Invited ${login} as ${name} (${shortId(id)}).`,
  });
  const isFree = sql`NOT ${isSuspended(sql`${ctx.org.id}`, sql`users.id`)} AND NOT EXISTS (SELECT 1 FROM members WHERE ${isMember(ctx, login)})
    AND NOT EXISTS (SELECT 1 FROM invites AS old WHERE old.org_id = ${ctx.org.id} AND old.user_id = users.id AND ${isPending("old", ctx.now)})`;
  const [people, membership, , , made, roles] = await guarded(ctx, [
    person(ctx, login),
    currentRole(ctx, login),
    ctx.store.db.insert(invites)
      .select(sql`SELECT ${id}, ${ctx.org.id}, '', ${role}, 'pending', ${ctx.now}, ${loginOf(ctx.actor)}, ${ctx.now}, NULL, id,
      ${ctx.actor.token.id}, ${roleId}, NULL, 0, NULL, NULL FROM users WHERE ${isLogin(login)} AND ${isFree}`),
    auditIf(ctx.store, event, changedARow),
    ctx.store.db
      .select({ id: invites.id })
      .from(invites)
      .where(sql`${invites.id} = ${id}`),
    rolesModified(ctx, roleId),
  ]);
  const found = people[0];
  if (!found) throw notFound(`User '${login.slice(0, 100)}'`);
  if (membership[0]) throw alreadyThere();
  if (found.isSuspended) throw suspended();
  if (!made[0]) throw new AppError(409, "User has an invitation to the organization already.");
  relaySoon(ctx, event);
  return {
    ...toMember(ctx.org.id, { ...found, role, joined: ctx.now, acceptedAt: null, custom: customOf(role, roles[0]!) }, roles[0]!.at),
    role: "potential-member",
  };
}

/** A member has the given custom role or the default role; an administrator and a billing manager have their own. */
const customOf = (role: Role, { custom }: { custom: string | null }) => (role === "member" ? custom : null);

const person = (ctx: OrgContext, login: string) =>
  ctx.store.db
    .select({
      login: users.login,
      name: users.name,
      email: users.email,
      isSuspended: sql<number>`${isSuspended(sql`${ctx.org.id}`, sql`${users.id}`)}`.as("is_suspended"),
    })
    .from(users)
    .where(sql`lower(${users.login}) = lower(${login})`);

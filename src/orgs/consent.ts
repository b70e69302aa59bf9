import { and, eq, isNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { isOpenTo } from "../auth/barred.ts";
import { guard } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrganizationRef, PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { accessTokens } from "../tokens/table.ts";
import { removeMember } from "./removeMember.ts";
import { members, organizations } from "./table.ts";

/**
 * Accepts a membership: from then on the organization is one of the caller's own. It can be repeated.
 * @throws 404 for an organization that the caller is not in
 */
export async function acceptMembership(ctx: PersonContext, orgName: string): Promise<void> {
  const { store, actor, now } = ctx;
  const org = await organizationOf(ctx, orgName);
  const event = auditEvent(ctx, org.id, whoIs(actor), {
    event: "membership-accepted",
    description: `${actor.user.login} accepted the membership.`,
  });
  const [, , , tokens] = await batch(store, [
    guard(store, actor, now),
    store.db
      .update(members)
      .set({ acceptedAt: now })
      .where(and(eq(members.orgId, org.id), eq(members.userId, actor.user.id), isNull(members.acceptedAt))),
    auditIf(store, event, changedARow),
    store.db
      .select({ hash: accessTokens.hash })
      .from(accessTokens)
      .where(and(eq(accessTokens.userId, actor.user.id), isNull(accessTokens.deletedAt))),
  ]);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((token) => token.hash),
  );
  relaySoon(ctx, event);
}

/**
 * The caller leaves an organization, whatever its rules on networks and tokens.
 * @throws 404 for an organization that the caller is not in, 400 for its last administrator
 */
export async function leaveOrganization(ctx: PersonContext, orgName: string): Promise<void> {
  const org = await organizationOf(ctx, orgName);
  await removeMember(Object.assign(ctx, { org }), ctx.actor.user.login);
}

async function organizationOf(ctx: PersonContext, orgName: string): Promise<OrganizationRef> {
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .where(
        and(
          eq(organizations.name, orgName),
          sql`EXISTS (SELECT 1 FROM members WHERE members.org_id = organizations.id AND members.user_id = ${ctx.actor.user.id}
            AND ${isOpenTo(sql`${ctx.actor.token.id}`)})`,
        ),
      ),
  ]);
  const org = rows[0];
  if (!org) throw notFound(`Organization '${orgName.slice(0, 100)}'`);
  return org;
}

import { and, eq, isNull, sql } from "drizzle-orm";
import { guard } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { conflict, notFound } from "../errors.ts";
import { members } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "./table.ts";

/**
 * Sets the caller's default organization. @throws 404 for an organization that the caller is not in, 409 before the caller has accepted the
 * membership
 */
export async function setDefaultOrganization(ctx: PersonContext, orgName: string): Promise<void> {
  const { user } = ctx.actor;
  const chosen = sql`(SELECT organizations.id FROM organizations JOIN members ON members.org_id = organizations.id
    WHERE organizations.name = ${orgName} AND members.user_id = ${user.id} AND members.accepted_at IS NOT NULL)`;
  const [, changed, tokens, memberships] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    ctx.store.db
      .update(users)
      .set({ defaultOrgId: chosen })
      .where(and(eq(users.id, user.id), sql`${chosen} IS NOT NULL`))
      .returning({ id: users.id }),
    ctx.store.db
      .select({ hash: accessTokens.hash })
      .from(accessTokens)
      .where(and(eq(accessTokens.userId, user.id), isNull(accessTokens.deletedAt))),
    ctx.store.db
      .select({ orgId: members.orgId })
      .from(members)
      .where(and(eq(members.userId, user.id), sql`${members.orgId} = (SELECT id FROM organizations WHERE name = ${orgName})`)),
  ]);
  if (!changed[0] && memberships[0]) throw conflict(`you were added to ${orgName} but have not accepted the membership yet`);
  if (!changed[0]) throw notFound(`Organization '${orgName.slice(0, 100)}'`);
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    tokens.map((token) => token.hash),
  );
}

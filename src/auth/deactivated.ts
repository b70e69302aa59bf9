import { and, eq, sql } from "drizzle-orm";
import type { Actor, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { type AppError, forbidden } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { recordDeactivated } from "./refusals.ts";

/**
 * The refusal for a person who has no access to an organization because its identity provider has deactivated the person, or because the
 * credential is older than that. It is recorded. Undefined for everybody else, who may not know whether the organization exists, and for a
 * credential that is valid in another organization only.
 */
export async function whyDeactivated(ctx: RequestContext, actor: Actor, orgName: string): Promise<AppError | undefined> {
  if (actor.kind !== "user") return undefined;
  const isMember = sql`EXISTS (SELECT 1 FROM members WHERE org_id = organizations.id AND user_id = ${actor.user.id})`;
  const wasDeactivated = sql`EXISTS (SELECT 1 FROM scim_users WHERE scim_users.org_id = organizations.id AND scim_users.user_id = ${actor.user.id}
    AND (former IS NOT NULL OR deleted_at IS NOT NULL))`;
  const isBarred = sql`EXISTS (SELECT 1 FROM barred_tokens WHERE token_id = ${actor.token.id} AND barred_tokens.org_id = organizations.id)`;
  const [found] = await batch(ctx.store, [
    ctx.store.db
      .select({ id: organizations.id, name: organizations.name, isMember: sql<number>`${isMember}`.as("is_member") })
      .from(organizations)
      .where(
        and(
          eq(organizations.name, orgName),
          eq(organizations.id, sql`coalesce(${actor.limits.onlyOrgId}, organizations.id)`),
          sql`CASE WHEN ${isMember} THEN ${isBarred} ELSE ${wasDeactivated} END`,
        ),
      ),
  ]);
  const org = found[0];
  if (!org) return undefined;
  await recordDeactivated(ctx, actor, org);
  if (org.isMember)
    return forbidden(
      `This credential is older than the time at which the identity provider of organization ${org.name} deactivated your account, so it has no access there. Sign in again and create a new personal token.`,
      "ended_credential",
    );
  return forbidden(
    `Your account was deactivated by the identity provider of organization ${org.name}, so your personal tokens and sessions have no access there. Ask the people who manage that identity provider.`,
    "ended_credential",
  );
}

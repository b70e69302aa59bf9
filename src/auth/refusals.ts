import { and, eq, sql } from "drizzle-orm";
import { announce } from "../audit/announce.ts";
import { auditEvent, promise, whoIs } from "../audit/record.ts";
import type { Actor, OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { members, organizations } from "../orgs/table.ts";
import type { DeadToken } from "./resolve.ts";
import type { OrgPermission } from "./policy.ts";

/** A known caller lacked a right, or is a machine where only a person may act. */
export async function recordForbidden(
  ctx: RequestContext,
  actor: Actor,
  org: OrganizationRef,
  permission: OrgPermission | "person",
): Promise<void> {
  const onStack = permission.startsWith("stack");
  const what = permission === "person" ? "an account of one's own" : permission;
  const event = auditEvent(ctx, org.id, whoIs(actor), {
    event: onStack ? "auth-failure-stack-permission" : "auth-failure-organization-role",
    description: `Refused: ${what} needs a right that this credential does not have.`,
  });
  await batch(ctx.store, [promise(ctx.store, event)]);
  announce(ctx, event);
}

/** A token was presented after its end. A personal one counts where its person is a member and the call was meant for. */
export async function recordDeadToken(ctx: RequestContext, dead: DeadToken, orgName: string | undefined): Promise<void> {
  const org = dead.org ?? (await organizationOf(ctx, dead, orgName));
  if (!org) return;
  const who = {
    userLogin: dead.user?.login ?? org.name,
    userName: dead.user?.name ?? org.name,
    tokenId: dead.id,
    tokenName: dead.name,
  };
  const event = auditEvent(ctx, org.id, who, {
    event: "auth-failure-access-token",
    description: `Refused: the token was ${dead.ended === "deleted" ? "deleted" : "past its expiry"}.`,
  });
  await batch(ctx.store, [promise(ctx.store, event)]);
  announce(ctx, event);
}

async function organizationOf(ctx: RequestContext, dead: DeadToken, orgName: string | undefined): Promise<OrganizationRef | undefined> {
  if (!dead.user || !orgName) return undefined;
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .innerJoin(members, eq(members.orgId, organizations.id))
      .where(and(sql`lower(${organizations.name}) = lower(${orgName})`, eq(members.userId, dead.user.id))),
  ]);
  return rows[0];
}

import { and, eq, isNotNull, sql } from "drizzle-orm";
import { announce } from "../audit/announce.ts";
import { nobody, onBehalf } from "../audit/behalf.ts";
import { type AuditEntry, auditEvent, promise, promiseIf, whoIs } from "../audit/record.ts";
import type { Actor, OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { members, organizations } from "../orgs/table.ts";
import type { LimitFault } from "./limits.ts";
import type { Lease } from "./lease.ts";
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

/** A good token that may not be used here and now, or not on this stack. */
export async function recordLimit(
  ctx: RequestContext,
  actor: Actor,
  org: OrganizationRef,
  limit: LimitFault | "scope",
  permission: OrgPermission | "self" | "person",
): Promise<void> {
  const events = { place: "condition", "expiry policy": "policy", scope: "scope" } as const;
  const why = {
    place: `the token may not be used from ${ctx.address || "an unknown address"}${ctx.country && ` (${ctx.country})`}`,
    "expiry policy": "the token lives longer than the organization's policy allows",
    scope: "the token is limited to other stacks or rights",
  };
  const event = auditEvent(ctx, org.id, whoIs(actor), {
    event: `auth-failure-token-${events[limit]}`,
    description: `Refused ${permission}: ${why[limit]}.`,
  });
  await batch(ctx.store, [promise(ctx.store, event)]);
  announce(ctx, event);
}

const what = { deleted: "deleted", disabled: "disabled", rotated: "rotated and past its overlap", expired: "past its expiry" };

/** A token was presented after its end. A personal one counts where its person agreed to be a member and the call was meant for. */
export const recordDeadToken = (ctx: RequestContext, dead: DeadToken, orgName: string | undefined) =>
  record(ctx, dead, orgName, {
    event: dead.ended === "disabled" ? "auth-failure-token-disabled" : "auth-failure-access-token",
    description: `Refused: the token was ${what[dead.ended]}${dead.successor && `; its successor is "${dead.successor}"`}.`,
  });

const MINUTE = 60_000;
const REMEMBERED = 1000;
/** The minute in which this isolate last told of a token: it is turned away because it comes often. */
const told = new Map<string, number>();

/** The same, so often that it is turned away: one event a token and minute, so that a flood does not become one of events. */
export async function recordRateLimit(ctx: RequestContext, dead: DeadToken, orgName: string | undefined): Promise<void> {
  const minute = Math.floor(ctx.now / MINUTE);
  if (told.get(dead.id) === minute) return;
  if (told.size >= REMEMBERED) told.clear();
  told.set(dead.id, minute);
  const description = `Refused: the token was ${what[dead.ended]}, and is presented too often.`;
  await record(ctx, dead, orgName, { event: "auth-failure-rate-limit", description });
}

async function record(ctx: RequestContext, dead: DeadToken, orgName: string | undefined, entry: AuditEntry): Promise<void> {
  const org = dead.org ?? (await organizationOf(ctx, dead, orgName));
  if (!org) return;
  const who = {
    userLogin: dead.user?.login ?? org.name,
    userName: dead.user?.name ?? org.name,
    tokenId: dead.id,
    tokenName: dead.name,
  };
  const event = auditEvent(ctx, org.id, who, entry);
  await batch(ctx.store, [promise(ctx.store, event)]);
  announce(ctx, event);
}

/**
 * A call under a lease that we signed was refused: it is over, or for another path. One event for each update, for a client that
 * does not understand repeats itself. Costs nothing where nothing is refused.
 */
export async function recordRefusedLease(ctx: RequestContext, { updateId }: Lease): Promise<void> {
  const event = {
    ...auditEvent(ctx, "", nobody, { event: "auth-failure-stack-permission", description: "" }),
    id: `refused-lease-${updateId}`,
  };
  const isNew = sql`EXISTS (SELECT 1 FROM updates WHERE id = ${updateId})
    AND NOT EXISTS (SELECT 1 FROM audit_outbox WHERE id = ${event.id}) AND NOT EXISTS (SELECT 1 FROM audit_events WHERE id = ${event.id})`;
  await batch(ctx.store, [promiseIf(ctx.store, event, isNew, onBehalf(event, sql`${updateId}`, "Refused a call under the lease of"))]);
  announce(ctx, event);
}

async function organizationOf(ctx: RequestContext, dead: DeadToken, orgName: string | undefined): Promise<OrganizationRef | undefined> {
  if (!dead.user || !orgName) return undefined;
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .innerJoin(members, eq(members.orgId, organizations.id))
      .where(and(sql`lower(${organizations.name}) = lower(${orgName})`, eq(members.userId, dead.user.id), isNotNull(members.acceptedAt))),
  ]);
  return rows[0];
}

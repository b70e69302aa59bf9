import { sql } from "drizzle-orm";
import { announce } from "../audit/announce.ts";
import { nobody, onBehalf } from "../audit/behalf.ts";
import { type AuditEntry, REFUSED_LEASE, auditEvent, promise, promiseIf, whoIs } from "../audit/record.ts";
import { type Actor, type OrganizationRef, type RequestContext, acceptedOf } from "../context.ts";
import { batch } from "../db/client.ts";
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
  const orgs = dead.org ? [dead.org] : organizationsOf(dead, orgName);
  const events = orgs.map(({ id, name }) => {
    const { login, name: userName } = dead.user ?? { login: name, name };
    return auditEvent(ctx, id, { userLogin: login, userName, tokenId: dead.id, tokenName: dead.name }, entry);
  });
  const [first, ...others] = events.map((event) => promise(ctx.store, event));
  if (!first) return;
  await batch(ctx.store, [first, ...others]);
  announce(ctx, ...events);
}

/** Logs that one refusal of a personal token can come into. */
const MOST_LOGS = 50;

/** The organization that the call names, if the token's person is a member; else all of the person's organizations. */
function organizationsOf({ actor }: DeadToken, orgName: string | undefined): OrganizationRef[] {
  if (actor?.kind !== "user") return [];
  const own = acceptedOf(actor).map(({ org }) => org);
  const named = own.filter(({ name }) => name.toLowerCase() === orgName?.toLowerCase());
  return (named.length > 0 ? named : own).slice(0, MOST_LOGS);
}

/**
 * A call under a lease that we signed was refused: it is over, or for another path. One event for each update, for a client that
 * does not understand repeats itself. Costs nothing where nothing is refused.
 */
export async function recordRefusedLease(ctx: RequestContext, { updateId }: Lease): Promise<void> {
  const event = {
    ...auditEvent(ctx, "", nobody, { event: "auth-failure-stack-permission", description: "" }),
    id: `${REFUSED_LEASE}${updateId}`,
  };
  const isNew = sql`EXISTS (SELECT 1 FROM updates WHERE id = ${updateId})
    AND NOT EXISTS (SELECT 1 FROM audit_outbox WHERE id = ${event.id}) AND NOT EXISTS (SELECT 1 FROM audit_events WHERE id = ${event.id})
    AND NOT EXISTS (SELECT 1 FROM audit_archived_ids WHERE id = ${event.id})`;
  await batch(ctx.store, [promiseIf(ctx.store, event, isNew, onBehalf(event, sql`${updateId}`, "Refused a call under the lease of"))]);
  announce(ctx, event);
}

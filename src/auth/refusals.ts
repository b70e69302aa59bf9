import { sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { nobody, onBehalf } from "../audit/behalf.ts";
import { type AuditEntry, REFUSED_LEASE, type Who, auditEvent, auditIf, auditStatement, whoIs } from "../audit/record.ts";
import { type Actor, type OrganizationRef, type RequestContext, acceptedOf } from "../context.ts";
import { batch } from "../db/client.ts";
import { withinLimit } from "./limiter.ts";
import type { UseFault } from "./singleSignOn.ts";
import type { Lease } from "./leaseToken.ts";
import type { DeadToken } from "./identity.ts";
import type { OrgPermission } from "./policy.ts";

/** Records that an authenticated caller lacked a permission, or is a machine where only a person is allowed. */
export async function recordForbidden(
  ctx: RequestContext,
  actor: Actor,
  org: OrganizationRef,
  permission: OrgPermission | "person" | "access of others",
): Promise<void> {
  const onStack = permission.startsWith("stack");
  const what = permission === "person" ? "a personal account" : permission === "access of others" ? "a question about others" : permission;
  await record(ctx, [org], whoIs(actor), {
    event: onStack ? "auth-failure-stack-permission" : "auth-failure-organization-role",
    description: `Refused: ${what} requires a permission that this credential does not have.`,
  });
}

/** Records that a valid token was refused for its network, its expiry or its limits. */
export async function recordLimit(
  ctx: RequestContext,
  actor: Actor,
  org: OrganizationRef,
  limit: UseFault | "scope",
  permission: OrgPermission | "self" | "person",
): Promise<void> {
  const events = {
    network: "auth-failure-token-condition",
    "expiry-policy": "auth-failure-token-policy",
    scope: "auth-failure-token-scope",
    "sso-required": "auth-failure-single-sign-on",
    "sso-expired": "auth-failure-single-sign-on",
  } as const;
  const why = {
    network: `the token may not be used from ${ctx.address || "an unknown address"}${ctx.country && ` (${ctx.country})`}`,
    "expiry-policy": "the token's expiry is later than the organization's policy allows",
    scope: "the token is limited to other stacks or rights",
    "sso-required": "the organization requires single sign-on, and the credential does not prove it",
    "sso-expired": "the organization requires single sign-on, and the last sign-in is too long ago",
  };
  await record(ctx, [org], whoIs(actor), {
    event: events[limit],
    description: `Refused ${permission}: ${why[limit]}.`,
  });
}

/** Records that an emergency administrator uses the organization without single sign-on: one event for each credential in a minute. */
export async function recordEmergency(ctx: RequestContext, actor: Actor, org: OrganizationRef): Promise<void> {
  if (!isFirstInMinute(ctx, `emergency ${org.id} ${actor.token.id}`)) return;
  const description = "Used the organization without the single sign-on that it requires, as an emergency administrator.";
  await record(ctx, [org], whoIs(actor), { event: "emergency-sign-in", description });
}

/** Records that a person was refused because the identity provider has deactivated the person, or had when the credential already existed. */
export const recordDeactivated = (ctx: RequestContext, actor: Actor, org: OrganizationRef) =>
  record(ctx, [org], whoIs(actor), {
    event: "auth-failure-organization-role",
    description: "Refused: the identity provider deactivated the account, and this credential has no access since then.",
  });

/**
 * Records that a credential of an organization was used as a SCIM token, although it is not a SCIM token, or is not valid for the
 * organization in the path.
 */
export const recordRefusedScimToken = (ctx: RequestContext, org: OrganizationRef, who: Who, why: string) =>
  record(ctx, [org], who, { event: "auth-failure-scim-access-token", description: `Refused: ${why}.` });

const what = { deleted: "deleted", disabled: "disabled", rotated: "rotated, and its overlap is over", expired: "expired" };

/**
 * Records that a token was used after its end. For a personal token the event goes to the organizations that the call is meant for and
 * whose membership the person has accepted.
 */
export const recordDeadToken = (ctx: RequestContext, dead: DeadToken, orgName: string | undefined) =>
  recordDead(ctx, dead, orgName, {
    event: dead.ended === "disabled" ? "auth-failure-token-disabled" : "auth-failure-access-token",
    description: `Refused: the token was ${what[dead.ended]}${dead.successor && `; its successor is "${dead.successor}"`}.`,
  });

/** Records the use of an ended token from an address that is refused because too many of its credentials failed. */
export async function recordDeadTokenFlood(ctx: RequestContext, dead: DeadToken, orgName: string | undefined): Promise<void> {
  if (!isFirstInMinute(ctx, dead.id)) return;
  const description = `Refused: the token was ${what[dead.ended]}, and is used too often.`;
  await recordDead(ctx, dead, orgName, { event: "auth-failure-rate-limit", description }, true);
}

/**
 * Records that a valid token, or its organization, exceeds a limit of the deployment: one event for each token in a minute. @param why a
 * few words
 */
export async function recordTooMany(ctx: RequestContext, actor: Actor, org: OrganizationRef | undefined, why: string): Promise<void> {
  const payer = org ?? (actor.kind === "user" ? acceptedOf(actor)[0]?.org : actor.org);
  if (!payer || !isFirstInMinute(ctx, actor.token.id)) return;
  await record(ctx, [payer], whoIs(actor), { event: "auth-failure-rate-limit", description: `Refused: ${why}.` }, true);
}

/** A refused exchange of an identity provider's token. */
interface RefusedExchange {
  /** Id of the issuer, or of the organization if the issuer is unknown: refusals are counted by it. */
  key: string;
  /** The name that the exchanged token would have; "" if the token was not verified. */
  tokenName: string;
  description: string;
  /** Whether the signature is valid. Anybody can send a token without one, so only the first of these in a minute is recorded. */
  isVerified: boolean;
}

export async function recordRefusedExchange(ctx: RequestContext, org: OrganizationRef, refused: RefusedExchange): Promise<void> {
  const { key, tokenName, description, isVerified } = refused;
  if (!isVerified && !isFirstInMinute(ctx, key)) return;
  const who = { userLogin: org.name, userName: org.name, tokenId: "", tokenName };
  await record(ctx, [org], who, { event: "auth-failure-oidc-exchange", description }, !isVerified, key);
}

/** Records that a sign-in through an identity provider of the organization was refused. @param key refusals are counted by it */
export async function recordRefusedSignIn(
  ctx: RequestContext,
  org: OrganizationRef,
  { key, description }: { key: string; description: string },
): Promise<void> {
  const who = { userLogin: org.name, userName: org.name, tokenId: "", tokenName: "" };
  await record(ctx, [org], who, { event: "user-login-failed", description }, false, key);
}

async function recordDead(
  ctx: RequestContext,
  dead: DeadToken,
  orgName: string | undefined,
  entry: AuditEntry,
  isSummary = false,
): Promise<void> {
  const orgs = dead.org ? [dead.org] : organizationsOf(dead, orgName);
  const { login, name } = dead.user ?? { login: dead.org?.name ?? "", name: dead.org?.name ?? "" };
  await record(ctx, orgs, { userLogin: login, userName: name, tokenId: dead.id, tokenName: dead.name }, entry, isSummary);
}

/** The organizations whose logs record the refusal of a personal token. */
const MOST_LOGS = 50;

/** The organization that the call names, if the token's person is a member of it; else all of the person's organizations. */
function organizationsOf({ actor }: DeadToken, orgName: string | undefined): OrganizationRef[] {
  if (actor?.kind !== "user") return [];
  const own = acceptedOf(actor).map(({ org }) => org);
  const named = own.filter(({ name }) => name.toLowerCase() === orgName?.toLowerCase());
  return (named.length > 0 ? named : own).slice(0, MOST_LOGS);
}

/**
 * Records a refusal in the logs of these organizations. A token that is refused very often (`REFUSAL_EVENTS`) gets one event in a minute
 * instead of one for each refusal, so that no token can fill a log, even from many addresses.
 * @param isSummary whether the event summarizes further refusals
 * @param key refusals are counted by it
 */
async function record(
  ctx: RequestContext,
  orgs: OrganizationRef[],
  who: Who,
  entry: AuditEntry,
  isSummary = false,
  key = who.tokenId,
): Promise<void> {
  if (orgs.length === 0) return;
  const recorded = isSummary || (await withinLimit(ctx.env.REFUSAL_EVENTS, key)) ? entry : summaryFor(ctx, key);
  if (!recorded) return;
  const events = orgs.map(({ id }) => auditEvent(ctx, id, who, recorded));
  const [first, ...others] = events.map((event) => auditStatement(ctx.store, event));
  await batch(ctx.store, [first!, ...others]);
  relaySoon(ctx, ...events);
}

const summaryFor = (ctx: RequestContext, tokenId: string): AuditEntry | undefined =>
  isFirstInMinute(ctx, tokenId)
    ? {
        event: "auth-failure-rate-limit",
        description: "Refused: the token is refused too often; further refusals of this minute are not recorded.",
      }
    : undefined;

const MINUTE = 60_000;
const MOST_TOKENS = 1000;
/** When this isolate last recorded a summary of a token's refusals, in minutes, by token. */
const summarized = new Map<string, number>();

function isFirstInMinute({ now }: RequestContext, tokenId: string): boolean {
  const minute = Math.floor(now / MINUTE);
  if (summarized.get(tokenId) === minute) return false;
  if (summarized.size >= MOST_TOKENS) summarized.clear();
  summarized.set(tokenId, minute);
  return true;
}

/**
 * Records that a call under a lease that we signed was refused, because the lease is over or is for another path. Only the first such call
 * of each update is recorded, because a faulty client repeats the call. Calls that are not refused cost nothing.
 */
export async function recordRefusedLease(ctx: RequestContext, { updateId }: Lease): Promise<void> {
  const event = {
    ...auditEvent(ctx, "", nobody, { event: "auth-failure-stack-permission", description: "" }),
    id: `${REFUSED_LEASE}${updateId}`,
  };
  const isNew = sql`EXISTS (SELECT 1 FROM updates WHERE id = ${updateId})
    AND NOT EXISTS (SELECT 1 FROM audit_outbox WHERE id = ${event.id}) AND NOT EXISTS (SELECT 1 FROM audit_events WHERE id = ${event.id})
    AND NOT EXISTS (SELECT 1 FROM audit_archived_ids WHERE id = ${event.id})`;
  await batch(ctx.store, [auditIf(ctx.store, event, isNew, onBehalf(event, sql`${updateId}`, "Refused a call under the lease of"))]);
  relaySoon(ctx, event);
}

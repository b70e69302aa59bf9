import {
  type Actor,
  type MachineActor,
  type Membership,
  type OrgSettings,
  type OrganizationRef,
  type RequestContext,
  type UserActor,
  acceptedOf,
  isPerson,
} from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError, forbidden, notFound } from "../errors.ts";
import type { Credential } from "./authenticate.ts";
import { whyDeactivated } from "./deactivated.ts";
import { circumstancesOf, editionFault } from "./editions.ts";
import { guard } from "./guard.ts";
import { type LimitFault, expiryPolicyText, limitFault, meetsExpiryPolicy } from "./limits.ts";
import { type OrgPermission, type Permission, type StackRef, decide, hasRightsOnSome, mayAs, membershipIn } from "./policy.ts";
import { readStackFacts } from "./stackFacts.ts";
import { recordEmergency, recordForbidden, recordLimit } from "./refusals.ts";
import { type SsoFault, isEmergencyUse, ssoText } from "./singleSignOn.ts";
import { refuse } from "./refuse.ts";

/**
 * Checks whether the caller may make the call. It never refuses on a cached identity: it reads the identity from the database first, because
 * the caller may have joined a moment ago.
 * @param stack the stack that the path names, if it names one
 * @throws 403 when the right is missing or a limit refuses the call, 404 when the caller may not know that the organization or the stack
 * exists, and the edition's refusal
 */
export async function authorize(
  ctx: RequestContext,
  credential: Credential,
  permission: Exclude<Permission, "public" | "lease" | "operator">,
  orgName: string | undefined,
  stack?: StackRef,
): Promise<Credential> {
  if (permission === "self" || permission === "person") return authorizeSelf(ctx, credential, permission);
  const known = stack ? await aboutStack(ctx, credential, orgName ?? "", stack) : credential;
  const { actor } = known;
  const verdict = decide(actor, permission, orgName ?? "", circumstancesOf(ctx), stack);
  const membership = membershipIn(actor, orgName ?? "");
  if (verdict === "allowed" || verdict === "depends") {
    if (membership && !mayAs(membership, permission)) actor.onStack?.needs.push(permission);
    if (membership && actor.kind === "user") await noteEmergency(ctx, actor, membership as Membership);
    return known;
  }
  if (credential.identity.cached) return authorize(ctx, await credential.refetch(), permission, orgName, stack);
  const deactivated = membership ? undefined : await whyDeactivated(ctx, actor, orgName ?? "");
  if (deactivated) throw deactivated;
  if (!membership) throw notFound(`Organization '${(orgName ?? "").slice(0, 100)}'`);
  switch (verdict) {
    case "network":
    case "expiry-policy":
      throw await beyondLimits(ctx, actor, membership, verdict, permission);
    case "sso-required":
    case "sso-expired":
      throw await withoutSignIn(ctx, actor, membership, verdict, permission);
    case "stack-hidden":
      if (actor.onStack === undefined) await recordLimit(ctx, actor, membership.org, "scope", permission);
      // A call about a stack that does not exist is not recorded as a refusal.
      else if (actor.onStack.facts !== null) await recordForbidden(ctx, actor, membership.org, permission);
      throw notFound(`Stack '${orgName}/${stack?.projectName}/${stack?.stackName}'`);
    case "edition":
      throw editionFault(permission) ?? forbidden();
    default:
      throw await refuse(ctx, actor, membership, permission, stack);
  }
}

/** Each use of an organization that its single sign-on would have refused is recorded. */
async function noteEmergency(ctx: RequestContext, actor: UserActor, membership: Membership): Promise<void> {
  if (isEmergencyUse(actor, membership, ctx.now)) await recordEmergency(ctx, actor, membership.org);
}

/**
 * The refusal of a credential without the sign-in that the organization requires. The CLI prints the message of a 403. For an old sign-in it prints a link of
 * its own, if the answer is this 401 (cli-protocol §1.6).
 */
async function withoutSignIn(
  ctx: RequestContext,
  actor: Actor,
  membership: { org: OrganizationRef },
  fault: SsoFault,
  permission: OrgPermission,
): Promise<AppError> {
  const { org } = membership;
  await recordLimit(ctx, actor, org, fault, permission);
  const text = ssoText(org.name, fault, actor.limits.isSession);
  if (fault === "sso-required") return forbidden(text, "limited_credential");
  const errors = [{ resource: "organization", attribute: org.name, errorType: "saml_reauth_required" as const }];
  return new AppError(401, text, { errors, reason: "limited_credential" });
}

/**
 * Prepares a call about one stack by a caller who has rights on single stacks. At the first attempt the guard of the call's
 * work checks the rights. After a guard has failed, the facts are read here, and `decide` uses them.
 */
async function aboutStack(ctx: RequestContext, credential: Credential, orgName: string, stack: StackRef): Promise<Credential> {
  const { actor, guarded } = credential;
  const membership = membershipIn(actor, orgName);
  if (!membership || !hasRightsOnSome(membership)) return credential;
  const { projectName, stackName } = stack;
  const facts = guarded ? await readStackFacts(ctx, actor, membership.org, stack) : undefined;
  return { ...credential, actor: { ...actor, onStack: { projectName, stackName, needs: [], guarded: 0, facts } } };
}

/**
 * Does the work of a call. Rights on its stack that no guard has checked are checked before the answer. They are also checked before a
 * refusal is sent, so that a caller without the right learns nothing from the refusal.
 * @throws the errors of the work and of `authorize`
 */
export async function withRightsOnStack<T>(
  ctx: RequestContext,
  credential: Credential | undefined,
  orgName: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const onStack = credential?.actor.onStack;
  if (!credential || !onStack) return work();
  const ask = async () => {
    for (const permission of new Set(onStack.needs)) await authorize(ctx, { ...credential, guarded: true }, permission, orgName, onStack);
  };
  const result = await work().catch(async (error: unknown) => {
    if (error instanceof AppError && error.status < 500 && onStack.facts === undefined) await ask();
    throw error;
  });
  if (onStack.guarded < onStack.needs.length) await ask();
  return result;
}

/**
 * Authorizes calls in no organization. The networks of a machine's token are checked for such calls, too. The policy on expiry of its organization is
 * checked only where such a call gives rights (`requireExpiryPolicy`): a token that the policy refuses may still read its own name.
 */
async function authorizeSelf(ctx: RequestContext, credential: Credential, permission: "self" | "person"): Promise<Credential> {
  const { actor } = credential;
  if (limitFault(actor.limits, actor.kind === "user" ? undefined : actor.settings, ctx) === "network") {
    if (credential.identity.cached) return authorizeSelf(ctx, await credential.refetch(), permission);
    const membership = actor.kind === "user" ? acceptedOf(actor)[0] : actor;
    throw await beyondLimits(ctx, actor, membership, "network", permission);
  }
  if (permission === "self" || isPerson(actor)) return credential;
  const org = actor.kind === "user" ? actor.memberships[0]?.org : actor.org;
  if (org) await recordForbidden(ctx, actor, org, permission);
  throw forbidden("This operation needs a personal access token: only a person may do it, not an organization access token.");
}

/**
 * Refuses work on the caller's account as a whole to a credential that is valid in one organization only. An administrator of that
 * organization's identity provider must not act for the person anywhere else. @throws 403
 */
export async function requireWholeAccount(ctx: RequestContext, actor: Actor): Promise<void> {
  if (actor.kind !== "user" || actor.limits.isExchanged || actor.limits.onlyOrgId === null) return;
  const org = actor.memberships[0]?.org;
  if (org) await recordLimit(ctx, actor, org, "scope", "person");
  throw forbidden(
    `This sign-in went through the identity provider of ${org?.name ?? "an organization"}, so it opens that organization only. Sign in with a personal access token to do this.`,
    "limited_credential",
  );
}

/**
 * Checks a machine token's expiry for a call that gives rights and belongs to no organization. @throws 403 if the token does not meet its
 * organization's policy on expiry
 */
export async function requireExpiryPolicy(ctx: RequestContext, actor: MachineActor): Promise<void> {
  if (meetsExpiryPolicy(actor.limits, actor.settings.maxTokenExpiryDays, ctx.now)) return;
  await batch(ctx.store, [guard(ctx.store, actor, ctx.now, actor.org.id)]);
  throw await beyondLimits(ctx, actor, actor, "expiry-policy", "self");
}

async function beyondLimits(
  ctx: RequestContext,
  actor: Actor,
  membership: { org: OrganizationRef; settings: OrgSettings } | undefined,
  fault: LimitFault,
  permission: OrgPermission | "self" | "person",
): Promise<AppError> {
  if (membership) await recordLimit(ctx, actor, membership.org, fault, permission);
  if (fault === "expiry-policy" && membership)
    return forbidden(expiryPolicyText(membership.org.name, membership.settings.maxTokenExpiryDays), "limited_credential");
  return forbidden("This access token may not be used from your network address.", "limited_credential");
}

import type { Actor, Membership, OrgSettings, UserActor } from "../context.ts";
import { type LimitFault, type Use, limitFault } from "./limits.ts";

const DAY = 86_400_000;

/** `sso-required`: the credential shows no sign-in through the organization's identity provider. `sso-expired`: the sign-in is too old. */
export type SsoFault = "sso-required" | "sso-expired";

/**
 * Whether the organization requires a sign-in through its identity provider that the caller's credential does not show. Credentials of machines and emergency
 * administrators are exempt. A session that was opened with a token does not count as a sign-in. Pure.
 */
export function ssoFault(
  { token, limits }: UserActor,
  { settings, isEmergency, ssoProofAt }: Membership,
  now: number,
): SsoFault | undefined {
  const { ssoRequired, ssoReauthDays } = settings;
  if (ssoRequired === "off" || limits.isExchanged || isEmergency) return undefined;
  if (limits.isSession) return ssoProofAt === null || token.openedWith !== undefined ? "sso-required" : undefined;
  if (ssoRequired !== "people-and-tokens") return undefined;
  if (ssoProofAt === null) return "sso-required";
  return ssoReauthDays > 0 && now - ssoProofAt > ssoReauthDays * DAY ? "sso-expired" : undefined;
}

/** Why a valid credential may not be used in an organization of its holder. */
export type UseFault = LimitFault | SsoFault;

/** @param membership the actor's own. @returns undefined if it may be used there */
export function useFault(actor: Actor, membership: { settings: OrgSettings }, use: Use): UseFault | undefined {
  const fault = limitFault(actor.limits, membership.settings, use);
  return fault ?? (actor.kind === "user" ? ssoFault(actor, membership as Membership, use.now) : undefined);
}

/** Whether an emergency administrator uses an organization without the sign-in that it requires of others. */
export const isEmergencyUse = (actor: UserActor, membership: Membership, now: number): boolean =>
  membership.isEmergency && ssoFault(actor, { ...membership, isEmergency: false }, now) !== undefined;

/** The message of the refusal. It tells the caller how to sign in to the organization. */
export const ssoText = (orgName: string, fault: SsoFault, isSession: boolean): string => {
  const name = encodeURIComponent(orgName);
  if (isSession)
    return `The organization ${orgName} requires single sign-on. Sign in to it through its identity provider, at /login/${name}/sso.`;
  return fault === "sso-expired"
    ? `Your last sign-in to ${orgName} is too long ago. Sign in again at /signin/sso/${name}/reauth, then this access token works again.`
    : `The organization ${orgName} requires single sign-on, and this personal access token is not authorized for it. Authorize it at /signin/sso/${name}/reauth, or run \`pulumi login\` again.`;
};

import type { OrgSettings, TokenLimits } from "../context.ts";
import { isInNetwork } from "./network.ts";

const DAY = 86_400_000;
/** A token that ends within this time gets a warning. Milliseconds. */
const SOON = 14 * DAY;

/** When and from where a token is used. */
export interface Use {
  /** Milliseconds since 1970. */
  now: number;
  /** Address of the caller, "" if the platform does not give it. */
  address: string;
  /** Country of that address, two letters, "" if the platform does not give it. */
  country: string;
}

/** Why a valid token may not be used: the network of the request, or the organization's policy on expiry. */
export type LimitFault = "network" | "expiry-policy";

/** @param settings of the call's organization; undefined for a call in no organization */
export function limitFault(token: TokenLimits, settings: OrgSettings | undefined, use: Use): LimitFault | undefined {
  if (!isAllowedFrom(token, use) || (settings && !isAllowedFrom(settings, use))) return "network";
  if (settings && !meetsExpiryPolicy(token, settings.maxTokenExpiryDays, use.now)) return "expiry-policy";
  return undefined;
}

/** Both lists must contain the caller; an empty list contains everyone. A caller without an address or a country is in no list. */
export const isAllowedFrom = (lists: Pick<TokenLimits, "allowedCidrs" | "allowedCountries">, { address, country }: Use) =>
  (lists.allowedCidrs.length === 0 || lists.allowedCidrs.some((network) => isInNetwork(address, network))) &&
  (lists.allowedCountries.length === 0 || lists.allowedCountries.includes(country));

/** The remaining lifetime counts, so a token with a long lifetime meets the policy when it gets old (management-api §3.7). */
export const meetsExpiryPolicy = (token: TokenLimits, maxDays: number | null, now: number) =>
  maxDays === null || token.isExempt || (token.expiresAt !== null && token.expiresAt - now <= maxDays * DAY);

/** The words are those of the public contract, because scripts look for them. */
export const expiryPolicyText = (orgName: string, maxDays: number | null) =>
  `The \`${orgName}\` organization enforces a max access token expiry of \`${maxDays}\` days that your current token does not meet. Please generate a new token with a TTL meeting your org's threshold to perform this request.`;

/**
 * A warning for the holder of a token before it stops working, or undefined. It is one sentence, which the CLI prints.
 * @param memberships the organizations of the token
 */
export function warningFor(
  what: string,
  token: TokenLimits,
  memberships: { org: { name: string }; settings: OrgSettings }[],
  now: number,
): string | undefined {
  const { retiresAt, successor, expiresAt } = token;
  // The token is for one run of a pipeline.
  if (token.isExempt) return undefined;
  if (retiresAt !== null) return `${what} was rotated: it works until ${minute(retiresAt)}, use its successor ${successor}`;
  if (expiresAt !== null && expiresAt - now <= SOON) return `${what} expires on ${minute(expiresAt)}`;
  const refusing = memberships.find(({ settings }) => !meetsExpiryPolicy(token, settings.maxTokenExpiryDays, now));
  if (!refusing) return undefined;
  return `${what} is valid for longer than the ${refusing.settings.maxTokenExpiryDays} days that ${refusing.org.name} allows, and is refused there`;
}

const minute = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

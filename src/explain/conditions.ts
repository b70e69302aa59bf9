import type { OrgSettings, TokenLimits } from "../context.ts";

interface Networks {
  allowedCidrs: string[];
  allowedCountries: string[];
}

/** Says what must be true of a call besides the right: its network, its stack, and the end of the token. Pure. */
export const conditionsOf = (limits: TokenLimits, settings: OrgSettings, orgName: string, token: Networks | undefined): string[] => [
  ...(token ? networksOf("This access token can be used", token) : []),
  ...networksOf(`${orgName} can be used`, settings),
  ...(limits.stackRules === null ? [] : ["This access token is limited to certain stacks."]),
  ...(limits.expiresAt === null ? [] : [`This access token expires on ${minute(limits.expiresAt)}.`]),
  ...(settings.maxTokenExpiryDays === null || token || limits.expiresAt !== null
    ? []
    : [`${orgName} accepts only access tokens that expire within ${settings.maxTokenExpiryDays} days.`]),
];

const networksOf = (what: string, { allowedCidrs, allowedCountries }: Networks) => [
  ...(allowedCidrs.length === 0 ? [] : [`${what} only from the networks ${allowedCidrs.join(", ")}.`]),
  ...(allowedCountries.length === 0 ? [] : [`${what} only from the countries ${allowedCountries.join(", ")}.`]),
];

const minute = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

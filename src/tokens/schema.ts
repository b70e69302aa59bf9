import * as z from "zod/mini";
import { parseNetwork } from "../auth/network.ts";
import { patternFault } from "../auth/stackRules.ts";
import { cursor, list, text, queryNumber } from "../http/bounded.ts";
import { maxResults } from "../http/pagination.ts";
import { stackAccesses } from "./table.ts";

/** Longest lifetime that can be requested (management-api §3.7). */
const MAX_YEARS = 2;
/** Maximum number of rules, networks and countries of one token. They are part of its identity. */
const MAX_ENTRIES = 100;
const DAY = 86_400_000;

export const tokenName = text(40, "Token name must have 1 to 40 characters").check(
  z.minLength(1, "Token name must have 1 to 40 characters"),
  z.regex(/^[A-Za-z0-9_-]*$/, "Token name may only contain alphanumeric, hyphens, or underscores"),
);

const descriptionText = text(255, "a description has at most 255 characters");
const description = z.pipe(
  z.nullish(descriptionText),
  z.transform((said) => said ?? ""),
);
const displayName = text(100, "a display name has at most 100 characters");

/** Unix seconds in the API, 0 for never; milliseconds or null internally. */
const expiry = z.int().check(z.minimum(0));
const toMillis = (seconds: number | null | undefined) => (seconds ? seconds * 1000 : null);
const expires = z.pipe(z.nullish(expiry), z.transform(toMillis));

const pattern = text(100, "a pattern has 1 to 100 characters of A-Z a-z 0-9 _ . - and *").check(
  z.superRefine((written, context) => {
    const fault = patternFault(written);
    if (fault) context.addIssue({ code: "custom", message: fault });
  }),
);

/** Stacks by name pattern: `*` matches any characters. A token with rules cannot see other stacks. */
export const stackRule = z.object({ project: pattern, stack: pattern, access: z.enum(stackAccesses) });
const stackRules = list(
  z.extend(stackRule, { stack: z._default(pattern, "*"), access: z._default(z.enum(stackAccesses), "write") }),
  MAX_ENTRIES,
);

const network = text(50).check(
  z.refine(
    (written) => parseNetwork(written) !== undefined,
    "an allowed network is an address or a network such as 192.0.2.0/24 or 2001:db8::/32",
  ),
);
const country = z.pipe(
  text(2, "a country has two letters (ISO 3166)").check(z.regex(/^[A-Za-z]{2}$/, "a country has two letters (ISO 3166)")),
  z.transform((code) => code.toUpperCase()),
);

/** Networks that a token may be used from; empty: all. */
export const ipAllowList = list(network, MAX_ENTRIES);
export const countryAllowList = list(country, MAX_ENTRIES);

/** Wording of the public contract. */
const INVALID_ROLE = "Invalid parameter 'roleID'.";
const roleID = z.nullish(z.string(INVALID_ROLE).check(z.maxLength(200, INVALID_ROLE)));

export const CreateOrgAccessTokenRequest = z.object({
  name: tokenName,
  description,
  admin: z.nullish(z.boolean()),
  roleID,
  expires,
  displayName: z.nullish(displayName),
  stacks: z.nullish(stackRules),
  ipAllowList: z.nullish(ipAllowList),
  countryAllowList: z.nullish(countryAllowList),
  mayRotateItself: z.nullish(z.boolean()),
});

/** A team's token has the rights of its team, and no role of its own. */
export const CreateTeamAccessTokenRequest = z.omit(CreateOrgAccessTokenRequest, { admin: true, roleID: true });

export const CreatePersonalAccessTokenRequest = z.object({ description, expires });

/** Absent or null: unchanged. `expires` 0: never. An empty list or `stacks: []` is a value. */
export const UpdateAccessTokenRequest = z.object({
  roleID,
  displayName: z.nullish(displayName),
  description: z.nullish(descriptionText),
  expires: z.nullish(expiry),
  stacks: z.nullish(stackRules),
  ipAllowList: z.nullish(ipAllowList),
  countryAllowList: z.nullish(countryAllowList),
  mayRotateItself: z.nullish(z.boolean()),
});

export const UpdateTeamAccessTokenRequest = z.omit(UpdateAccessTokenRequest, { roleID: true });

/** Longest overlap of a token and its successor: 30 days, in seconds. */
const MAX_OVERLAP = 30 * 86_400;

export const RotateAccessTokenRequest = z.object({
  overlap: z.nullish(z.int().check(z.minimum(0), z.maximum(MAX_OVERLAP, `overlap is 0 to ${MAX_OVERLAP} seconds`))),
  /** Name of the successor; absent: the family's name with the successor's number. */
  name: z.nullish(tokenName),
  expires: z.nullish(expiry),
});

export const ListTokensQuery = z.object({
  filter: z.optional(z.enum(["active", "expired", "all"], "invalid query parameter")),
  /** The older spelling of `filter=all`. */
  show_expired: z.optional(text(100)),
  maxResults,
  continuationToken: cursor,
});

export const ListOrgTokensQuery = z.extend(ListTokensQuery, {
  /** Ours: part of the name or description, ignoring case. */
  search: z.optional(text(100)),
  /** Ours: only tokens without any use for so many days. For a token that was never used, its creation counts. */
  unusedDays: z.optional(queryNumber(1, 3650, "unusedDays is 1 to 3650")),
});

/** Ours: `true` ends everything that descends from the credential, too. */
export const withDescendants = z.pipe(
  z.optional(z.enum(["true", "false"], "invalid query parameter")),
  z.transform((text) => text === "true"),
);

/** How many days back, today included. */
export const UsageQuery = z.object({
  days: z.optional(queryNumber(1, 400, "days is 1 to 400")),
});

export const ReasonQuery = z.object({ reason: z.optional(text(1000)) });

/** The latest expiry of a token that is created now. @param maxDays the organization's policy, null for none */
export function lastExpiry(now: number, maxDays: number | null): number {
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + MAX_YEARS);
  return Math.min(latest.getTime(), maxDays === null ? Infinity : now + maxDays * DAY);
}

/** @returns the fault of an expiry, or undefined */
export function expiryFault(expiresAt: number | null, now: number, maxDays: number | null = null, orgName = ""): string | undefined {
  if (maxDays !== null && (expiresAt === null || expiresAt - now > maxDays * DAY))
    return `the \`${orgName}\` organization enforces a max access token expiry of \`${maxDays}\` days`;
  if (expiresAt === null) return undefined;
  if (expiresAt <= now) return "expires is in the past";
  return expiresAt > lastExpiry(now, null) ? `expires is more than ${MAX_YEARS} years from now` : undefined;
}

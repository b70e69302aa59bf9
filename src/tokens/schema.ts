import * as z from "zod/mini";
import { parseNetwork } from "../auth/network.ts";
import { patternFault } from "../auth/stackRules.ts";
import { maxResults } from "../http/pagination.ts";
import { stackAccesses } from "./table.ts";

/** Longest life that can be asked for (management-api §3.7). */
const MAX_YEARS = 2;
/** Rules, networks and countries that one token may have. They travel with its identity. */
const MAX_ENTRIES = 100;
const DAY = 86_400_000;

export const tokenName = z
  .string()
  .check(
    z.minLength(1, "Token name must have 1 to 40 characters"),
    z.maxLength(40, "Token name must have 1 to 40 characters"),
    z.regex(/^[A-Za-z0-9_-]*$/, "Token name may only contain alphanumeric, hyphens, or underscores"),
  );

const descriptionText = z.string().check(z.maxLength(255, "a description has at most 255 characters"));
const description = z.pipe(
  z.nullish(descriptionText),
  z.transform((text) => text ?? ""),
);
const displayName = z.string().check(z.maxLength(100, "a display name has at most 100 characters"));

/** Unix seconds on the wire, 0 for never; milliseconds or null inside. */
const expiry = z.int().check(z.minimum(0));
const toMillis = (seconds: number | null | undefined) => (seconds ? seconds * 1000 : null);
const expires = z.pipe(z.nullish(expiry), z.transform(toMillis));

const pattern = z.string().check(
  z.superRefine((text, context) => {
    const fault = patternFault(text);
    if (fault) context.addIssue({ code: "custom", message: fault });
  }),
);

/** Stacks by name pattern: `*` stands for any characters. A token with rules sees no other stack. */
export const stackRule = z.object({ project: pattern, stack: pattern, access: z.enum(stackAccesses) });
const stackRules = z
  .array(z.extend(stackRule, { stack: z._default(pattern, "*"), access: z._default(z.enum(stackAccesses), "write") }))
  .check(z.maxLength(MAX_ENTRIES));

const network = z.string().check(
  z.maxLength(50),
  z.refine(
    (text) => parseNetwork(text) !== undefined,
    "an allowed network is an address or a network such as 192.0.2.0/24 or 2001:db8::/32",
  ),
);
const country = z.pipe(
  z.string().check(z.regex(/^[A-Za-z]{2}$/, "a country has two letters (ISO 3166)")),
  z.transform((code) => code.toUpperCase()),
);

/** Where a token may be used from; empty: anywhere. */
export const ipAllowList = z.array(network).check(z.maxLength(MAX_ENTRIES));
export const countryAllowList = z.array(country).check(z.maxLength(MAX_ENTRIES));

export const CreateOrgAccessTokenRequest = z.object({
  name: tokenName,
  description,
  admin: z.nullish(z.boolean()),
  roleID: z.nullish(z.string("Invalid parameter 'roleID'.")),
  expires,
  displayName: z.nullish(displayName),
  stacks: z.nullish(stackRules),
  ipAllowList: z.nullish(ipAllowList),
  countryAllowList: z.nullish(countryAllowList),
  mayRotateItself: z.nullish(z.boolean()),
});

export const CreatePersonalAccessTokenRequest = z.object({ description, expires });

/** Absent or null: it stays as it is. `expires` 0: never. An empty list or `stacks: []` is a value, not an absence. */
export const UpdateAccessTokenRequest = z.object({
  displayName: z.nullish(displayName),
  description: z.nullish(descriptionText),
  expires: z.nullish(expiry),
  stacks: z.nullish(stackRules),
  ipAllowList: z.nullish(ipAllowList),
  countryAllowList: z.nullish(countryAllowList),
  mayRotateItself: z.nullish(z.boolean()),
});

/** Longest overlap of a token and its successor: 30 days, in seconds. */
const MAX_OVERLAP = 30 * 86_400;

export const RotateAccessTokenRequest = z.object({
  overlap: z.nullish(z.int().check(z.minimum(0), z.maximum(MAX_OVERLAP, `overlap is 0 to ${MAX_OVERLAP} seconds`))),
  /** Name of the successor; absent: the family's name with its number. */
  name: z.nullish(tokenName),
  expires: z.nullish(expiry),
});

export const ListTokensQuery = z.object({
  filter: z.optional(z.enum(["active", "expired", "all"], "invalid query parameter")),
  /** The older spelling of `filter=all`. */
  show_expired: z.optional(z.string()),
  maxResults,
  continuationToken: z.optional(z.string()),
});

export const ListOrgTokensQuery = z.extend(ListTokensQuery, {
  /** Ours: part of the name or description, in any case. */
  search: z.optional(z.string().check(z.maxLength(100))),
  /** Ours: only tokens that nobody has used for so many days, or since they were made. */
  unusedDays: z.optional(z.coerce.number("invalid query parameter").check(z.int(), z.minimum(1), z.maximum(3650))),
});

/** Ours: `true` ends everything that the credential made, too. */
export const withDescendants = z.pipe(
  z.optional(z.enum(["true", "false"], "invalid query parameter")),
  z.transform((text) => text === "true"),
);

export const ReasonQuery = z.object({ reason: z.optional(z.string().check(z.maxLength(1000))) });

/** The latest moment at which a token that is made now may end. @param maxDays the organization's policy, null for none */
export function lastExpiry(now: number, maxDays: number | null): number {
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + MAX_YEARS);
  return Math.min(latest.getTime(), maxDays === null ? Infinity : now + maxDays * DAY);
}

/** @returns what is wrong with an expiry, or undefined */
export function expiryFault(expiresAt: number | null, now: number, maxDays: number | null = null, orgName = ""): string | undefined {
  if (maxDays !== null && (expiresAt === null || expiresAt - now > maxDays * DAY))
    return `the \`${orgName}\` organization enforces a max access token expiry of \`${maxDays}\` days`;
  if (expiresAt === null) return undefined;
  if (expiresAt <= now) return "expires is in the past";
  return expiresAt > lastExpiry(now, null) ? `expires is more than ${MAX_YEARS} years from now` : undefined;
}

import * as z from "zod";
import { maxResults } from "../http/pagination.ts";
import { builtInRoles, roleId } from "../orgs/roles.ts";
import type { TokenKind, accessTokens } from "./table.ts";

/** Longest life that can be asked for at creation (management-api §3.7). */
const MAX_YEARS = 2;

export const tokenName = z
  .string()
  .min(1, "Token name must have 1 to 40 characters")
  .max(40, "Token name must have 1 to 40 characters")
  .regex(/^[A-Za-z0-9_-]*$/, "Token name may only contain alphanumeric, hyphens, or underscores");

const description = z
  .string()
  .max(255, "a description has at most 255 characters")
  .nullish()
  .transform((text) => text ?? "");

/** Unix seconds on the wire, 0 or absent for never; milliseconds or null inside. */
const expires = z
  .int()
  .min(0)
  .nullish()
  .transform((seconds) => (seconds ? seconds * 1000 : null));

/** A role is one of the two built-in ones; one that is named must not contradict `admin`. */
export const CreateOrgAccessTokenRequest = z
  .object({
    name: tokenName,
    description,
    admin: z.boolean().nullish(),
    roleID: z.enum(["admin", "member"], "Invalid parameter 'roleID'.").nullish(),
    expires,
  })
  .refine((body) => !body.roleID || !body.admin || body.roleID === "admin", "Invalid parameter 'roleID'.")
  .transform(({ roleID, ...body }) => ({ ...body, admin: body.admin === true || roleID === "admin" }));

export const CreatePersonalAccessTokenRequest = z.object({ description, expires });

export const CreateAccessTokenResponse = z.object({ id: z.string(), tokenValue: z.string() });

export const AccessToken = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  created: z.string(),
  createdBy: z.string(),
  lastUsed: z.int(),
  expires: z.int(),
  admin: z.boolean(),
  role: z.object({ id: z.string(), name: z.string(), defaultIdentifier: z.string() }).optional(),
  type: z.enum(["personal", "organization", "team"]),
});

export const ListAccessTokensResponse = z.object({ tokens: z.array(AccessToken), continuationToken: z.string().optional() });

export const ListTokensQuery = z.object({
  filter: z.enum(["active", "expired", "all"]).optional(),
  /** The older spelling of `filter=all`. */
  show_expired: z.string().optional(),
  maxResults,
  continuationToken: z.string().optional(),
});

export const ReasonQuery = z.object({ reason: z.string().max(1000).optional() });

export const toAccessToken = (row: Omit<typeof accessTokens.$inferSelect, "hash">): z.infer<typeof AccessToken> => ({
  id: row.id,
  name: row.name,
  description: row.description,
  created: new Date(row.createdAt).toISOString(),
  createdBy: row.createdBy,
  lastUsed: seconds(row.lastUsedAt),
  expires: seconds(row.expiresAt),
  admin: row.role === "admin",
  type: typeOf(row.kind),
  ...(row.kind === "organization" && { role: { id: roleId(row.orgId ?? "", row.role), ...builtInRoles[row.role] } }),
});

/** Sessions are in no list; were one ever, it would be a personal token. */
const typeOf = (kind: TokenKind) => (kind === "session" ? "personal" : kind);

const seconds = (ms: number | null) => (ms === null ? 0 : Math.floor(ms / 1000));

/** @returns what is wrong with an expiry, or undefined */
export function expiryFault(expiresAt: number | null, now: number): string | undefined {
  if (expiresAt === null) return undefined;
  if (expiresAt <= now) return "expires is in the past";
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + MAX_YEARS);
  return expiresAt > latest.getTime() ? `expires is more than ${MAX_YEARS} years from now` : undefined;
}

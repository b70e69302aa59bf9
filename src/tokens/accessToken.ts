import { getTableColumns, sql } from "drizzle-orm";
import { builtInRoles, roleId } from "../roles/builtIn.ts";
import type { AccessToken } from "./openapi.ts";
import { type TokenKind, accessTokens } from "./table.ts";

/** Every column but the hash, so that the hash cannot be returned by accident. */
const { hash: _hash, ...visible } = getTableColumns(accessTokens);
export const visibleColumns = {
  ...visible,
  /** Name of the token's custom role; null for a built-in role. */
  roleName: sql<string | null>`(SELECT name FROM roles WHERE roles.id = access_tokens.role_id)`.as("role_name"),
};
export type TokenRow = Omit<typeof accessTokens.$inferSelect, "hash"> & { roleName: string | null };

export const tokenStates = ["active", "expired", "disabled", "rotated", "deleted"] as const;
export type TokenState = (typeof tokenStates)[number];

const isMachine = (row: TokenRow) => row.orgId !== null;

export function toAccessToken(row: TokenRow, now: number): AccessToken {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    created: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
    lastUsed: seconds(row.lastUsedAt),
    expires: seconds(row.expiresAt),
    admin: isMachine(row) && row.role === "admin",
    type: typeOf(row.kind),
    status: stateOf(row, now),
    ...(row.kind === "organization" && { role: roleOf(row) }),
    ...(isMachine(row) && {
      displayName: row.displayName || row.name,
      stacks: row.stackRules ?? undefined,
      ipAllowList: row.allowedCidrs,
      countryAllowList: row.allowedCountries,
      mayRotateItself: row.mayRotateItself,
      family: row.familyId ?? undefined,
      generation: row.generation,
      rotatedFrom: row.rotatedFrom ?? undefined,
      successor: row.successorId ?? undefined,
      overlapEnds: row.retiresAt === null ? undefined : seconds(row.retiresAt),
    }),
    madeWith: row.madeWith ?? undefined,
    issuer: row.issuerId ?? undefined,
    subject: row.subject || undefined,
    disabledReason: row.disabledReason ?? undefined,
    lastUsedIP: row.lastUsedAddress || undefined,
    lastUsedCountry: row.lastUsedCountry || undefined,
    lastUsedBy: row.lastUsedClient || undefined,
  };
}

/** The contract wants a built-in role for a custom one too. */
const roleOf = (row: TokenRow) =>
  row.roleId === null
    ? { id: roleId(row.orgId ?? "", row.role), ...builtInRoles[row.role] }
    : { id: row.roleId, name: row.roleName ?? "", defaultIdentifier: builtInRoles[row.role].defaultIdentifier };

/** The type in the API. Sessions and SCIM tokens are never listed as access tokens, so they have no type of their own. */
const typeOf = (kind: TokenKind) => (kind === "session" ? "personal" : kind === "scim" ? "organization" : kind);

/** The state of a token. If a token has ended in two ways, the permanent one counts. */
export function stateOf(row: Pick<TokenRow, "deletedAt" | "disabledAt" | "expiresAt" | "retiresAt">, now: number): TokenState {
  if (row.deletedAt !== null) return "deleted";
  if (row.retiresAt !== null && row.retiresAt <= now) return "rotated";
  if (row.expiresAt !== null && row.expiresAt <= now) return "expired";
  return row.disabledAt === null ? "active" : "disabled";
}

export const seconds = (ms: number | null) => (ms === null ? 0 : Math.floor(ms / 1000));

import type { Role } from "../orgs/table.ts";
import type { TokenRole } from "../tokens/table.ts";

export type BuiltInRole = Role | TokenRole;

/** The built-in roles of every organization. `read-only` is for tokens; the public contract calls it `stack-read`. */
export const builtInRoles = {
  admin: { name: "Admin", defaultIdentifier: "admin" },
  member: { name: "Member", defaultIdentifier: "member" },
  "billing-manager": { name: "Billing Manager", defaultIdentifier: "billing-manager" },
  "read-only": { name: "Read Only", defaultIdentifier: "stack-read" },
} as const satisfies Record<BuiltInRole, { name: string; defaultIdentifier: string }>;

export const builtInRoleNames = Object.keys(builtInRoles) as BuiltInRole[];

/** The id of a built-in role. Each organization has its own ids, and they never change, because clients store them (management-api §5.3, §7.2). */
export const roleId = (orgId: string, role: BuiltInRole) => `${role}.${orgId}`;

/** Finds a built-in role by its id in this organization, or by its name. */
export const findRole = (orgId: string, id: string): BuiltInRole | undefined =>
  builtInRoleNames.find((role) => id === role || id === roleId(orgId, role));

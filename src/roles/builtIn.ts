import type { Role } from "../orgs/table.ts";
import type { TokenRole } from "../tokens/table.ts";

export type BuiltInRole = Role | TokenRole;

/** The roles that every organization has. `read-only` is for tokens; in the contract's words it is the right to read stacks. */
export const builtInRoles = {
  admin: { name: "Admin", defaultIdentifier: "admin" },
  member: { name: "Member", defaultIdentifier: "member" },
  "billing-manager": { name: "Billing Manager", defaultIdentifier: "billing-manager" },
  "read-only": { name: "Read Only", defaultIdentifier: "stack-read" },
} as const satisfies Record<BuiltInRole, { name: string; defaultIdentifier: string }>;

export const builtInRoleNames = Object.keys(builtInRoles) as BuiltInRole[];

/** Every organization has ids of its own, and they never change; clients send them back (management-api §5.3, §7.2). */
export const roleId = (orgId: string, role: BuiltInRole) => `${role}.${orgId}`;

/** The role that an id means in this organization; its plain name means it as well. */
export const findRole = (orgId: string, id: string): BuiltInRole | undefined =>
  builtInRoleNames.find((role) => id === role || id === roleId(orgId, role));

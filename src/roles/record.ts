import { and, eq, sql } from "drizzle-orm";
import { hasEffect } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { organizations } from "../orgs/table.ts";
import { type BuiltInRole, builtInRoles, roleId } from "./builtIn.ts";
import { type BuiltInSet, setId } from "./builtInSets.ts";
import { scopesIn } from "./compile.ts";
import type { Role } from "./openapi.ts";
import { customRoles } from "./table.ts";

/** SQL condition: the organization's custom record with that id. */
export const thatRole = (ctx: OrgContext, id: string) => and(eq(customRoles.id, id), eq(customRoles.orgId, ctx.org.id));

/** The columns that an answer about a custom record contains. */
export const shownColumns = {
  id: customRoles.id,
  name: customRoles.name,
  description: customRoles.description,
  resourceType: customRoles.resourceType,
  uxPurpose: customRoles.uxPurpose,
  details: customRoles.details,
  version: customRoles.version,
  createdAt: customRoles.createdAt,
  modifiedAt: customRoles.modifiedAt,
  isDefault: sql<number>`(SELECT default_role_id IS roles.id FROM organizations WHERE organizations.id = roles.org_id)`.as("is_default"),
};

type Row = Pick<
  typeof customRoles.$inferSelect,
  "id" | "name" | "description" | "resourceType" | "uxPurpose" | "details" | "version" | "createdAt" | "modifiedAt"
> & { isDefault: number; grants?: (typeof customRoles.$inferSelect)["grants"] };

type Shown = Omit<Role, "details"> & { details?: unknown };

/** The JSON of a custom record. It contains the tree as text, because parsing would change numbers and the order of members. */
export function toJson(orgId: string, row: Row): string {
  const record: Shown = {
    id: row.id,
    orgId,
    name: row.name,
    description: row.description,
    resourceType: row.resourceType,
    uxPurpose: row.uxPurpose,
    defaultIdentifier: "",
    isOrgDefault: row.isDefault === 1,
    created: new Date(row.createdAt).toISOString(),
    modified: new Date(row.modifiedAt).toISOString(),
    version: row.version,
    ...(row.grants && { scopesWithoutEffect: scopesIn(row.grants).filter((scope) => !hasEffect(scope)) }),
  };
  return `${JSON.stringify(record).slice(0, -1)},"details":${row.details}}`;
}

export const jsonAnswer = (json: string) => new Response(json, { headers: { "Content-Type": "application/json" } });

/** The query for the built-in records, which are as old as their organization. */
export const organizationOf = (ctx: OrgContext) =>
  ctx.store.db
    .select({ createdAt: organizations.createdAt, defaultRoleId: organizations.defaultRoleId })
    .from(organizations)
    .where(eq(organizations.id, ctx.org.id));

type Organization = Awaited<ReturnType<typeof organizationOf>>[number];

export const builtInDescriptions: Record<BuiltInRole, string> = {
  admin: "Everything in the organization.",
  member: "What the organization gives to its members.",
  "billing-manager": "Sees who is in the organization, and nothing of its stacks.",
  "read-only": "Reads stacks and runs previews. For access tokens.",
};

export const builtInRole = (ctx: OrgContext, role: BuiltInRole, org: Organization): Shown => ({
  ...ofOrganization(ctx, org),
  id: roleId(ctx.org.id, role),
  name: builtInRoles[role].name,
  description: builtInDescriptions[role],
  resourceType: role === "read-only" ? "stack" : "organization",
  uxPurpose: "role",
  defaultIdentifier: builtInRoles[role].defaultIdentifier,
  isOrgDefault: role === "member" && org.defaultRoleId === null,
});

export const builtInSet = (ctx: OrgContext, set: BuiltInSet & { key: string }, org: Organization): Shown => ({
  ...ofOrganization(ctx, org),
  id: setId(ctx.org.id, set.key),
  name: set.name,
  description: set.description,
  resourceType: set.resourceType,
  uxPurpose: "set",
  defaultIdentifier: set.defaultIdentifier,
  isOrgDefault: false,
  details: { __type: "PermissionDescriptorAllow", permissions: set.scopes },
});

function ofOrganization(ctx: OrgContext, { createdAt }: Organization) {
  const created = new Date(createdAt).toISOString();
  return { orgId: ctx.org.id, created, modified: created, version: 1 };
}

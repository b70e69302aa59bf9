import type { Actor, OrganizationRef } from "../context.ts";
import type { BuiltInRole } from "../orgs/roles.ts";

/** Rights inside one organization. The names are those of the public contract's scopes (management-api §7.4). */
export const orgPermissions = [
  "organization:read",
  "org_token:read",
  "org_token:create",
  "org_token:delete",
  "org_member:read",
  "org_member:add",
  "org_member:update",
  "org_member:delete",
  "audit_logs:read",
  "stack:list",
  "stack:create",
  "stack:read",
  "stack:write",
  "stack:export",
  "stack:import",
  "stack:encrypt",
  "stack:decrypt",
  "stack:delete",
  "stack:cancel_update",
  "stack:rename",
  "stack:transfer",
  "stack:list_deleted",
  "stack:restore_deleted",
  "stack_tags:update",
  "organization:transfer_stacks",
] as const;
export type OrgPermission = (typeof orgPermissions)[number];

/**
 * What a route asks of its caller:
 * `public` nothing; `self` any good access token; `person` a personal token; `lease` the lease of a running update;
 * else a right in the organization that the path names.
 */
export type Permission = "public" | "self" | "person" | "lease" | OrgPermission;

const everyone: OrgPermission[] = ["organization:read", "org_member:read"];
const member: OrgPermission[] = [
  ...everyone,
  "stack:list",
  "stack:create",
  "stack:read",
  "stack:write",
  "stack:export",
  "stack:import",
  "stack:encrypt",
  "stack:decrypt",
  "stack:delete",
  "stack:cancel_update",
  "stack:rename",
  "stack:transfer",
  "stack_tags:update",
];

/** What a token that may only look may do; encryption is a look: it changes nothing (management-api §7.4). */
const readOnly: OrgPermission[] = [...everyone, "stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt"];

const granted: Record<BuiltInRole, ReadonlySet<OrgPermission>> = {
  admin: new Set(orgPermissions),
  member: new Set(member),
  "billing-manager": new Set(everyone),
  "read-only": new Set(readOnly),
};

/**
 * No machine token mints or ends an organization token, an admin-scoped one included. None takes part in two organizations
 * either, so none moves a stack between them.
 */
const personOnly: ReadonlySet<OrgPermission> = new Set([
  "org_token:create",
  "org_token:delete",
  "stack:transfer",
  "organization:transfer_stacks",
]);

export type Verdict = "allowed" | "forbidden" | "hidden";

/**
 * The one place that decides who may do what.
 * `hidden` (404): the actor may not know that the organization exists. `forbidden` (403): it may, but lacks the right.
 */
export function decide(actor: Actor, permission: OrgPermission, orgName: string): Verdict {
  const place = placeIn(actor, orgName);
  if (!place) return "hidden";
  if (actor.kind !== "user" && personOnly.has(permission)) return "forbidden";
  return granted[place.role].has(permission) ? "allowed" : "forbidden";
}

/** The organization of that name as the actor sees it, with the role held there. Names are compared as written. */
export function placeIn(actor: Actor, orgName: string): { org: OrganizationRef; role: BuiltInRole } | undefined {
  switch (actor.kind) {
    case "user":
      return actor.memberships.find((m) => m.org.name === orgName);
    case "organization":
    case "team":
      return actor.org.name === orgName ? { org: actor.org, role: actor.role } : undefined;
  }
}

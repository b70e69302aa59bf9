import { type Actor, isPerson } from "../context.ts";
import { stackPermissions } from "../orgs/table.ts";
import { type ActorMembership, type OrgPermission, type StackRef, isPersonOnly, mayAs, toggleOf } from "./policy.ts";

const ofPeople: Partial<Record<OrgPermission, string>> = {
  "org_token:create": "create organization access tokens",
  "org_token:update": "change organization access tokens",
  "org_token:delete": "delete organization access tokens",
  "org_member:set_admin": "make, change or remove an administrator",
  "oidc_issuers:create": "set up identity providers",
  "oidc_issuers:update": "change identity providers",
  "oidc_issuers:delete": "delete identity providers",
  "auth_policies:update": "change the policies of identity providers",
  "organization:set_access": "change who has access to the organization and for how long",
  "stack:transfer": "move stacks between organizations",
  "organization:transfer_stacks": "move stacks between organizations",
};

/**
 * Explains to the caller why `decide` returned "forbidden". It does not reveal whether something exists: the caller named the stack. Pure.
 */
export function whyForbidden(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack?: StackRef): string {
  const why = reason(actor, membership, permission, stack);
  return `You do not have permission to perform this operation: ${why}.`;
}

function reason(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack?: StackRef): string {
  if (!isPerson(actor) && isPersonOnly(permission))
    return `only a person may ${ofPeople[permission] ?? "do this"}, with a personal access token. No organization access token may, whatever its role`;
  if (!mayAs(membership, permission)) {
    if (membership.custom)
      return `the role ${membership.custom.name} does not include the right ${permission}${stack ? ` on ${stack.projectName}/${stack.stackName}` : ""}`;
    const whose = isPerson(actor) ? `your role in ${membership.org.name}` : "the role of this access token";
    return `${whose} is ${membership.role}, ${lack(membership, permission)}`;
  }
  if (stack)
    return `the stacks that this access token is limited to do not give the right ${permission} on ${stack.projectName}/${stack.stackName}`;
  return `this access token is limited to certain stacks, and the right ${permission} is about all of them`;
}

function lack({ org, role, settings }: ActorMembership, permission: OrgPermission): string {
  if (role !== "member") return `which does not include the right ${permission}`;
  const toggle = toggleOf(permission);
  if (toggle && !settings[toggle]) return `and the settings of ${org.name} do not give its members the right ${permission}`;
  const [name] = Object.entries(stackPermissions).find(([, value]) => value === settings.defaultStackPermission) ?? [];
  if (permission.startsWith("stack") && settings.defaultStackPermission !== stackPermissions.admin)
    return `and the permission of ${org.name}'s members on stacks is ${name}, which does not include the right ${permission}`;
  return `which does not include the right ${permission}`;
}

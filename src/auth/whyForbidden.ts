import { type Actor, isPerson } from "../context.ts";
import { stackPermissions } from "../orgs/table.ts";
import { type ActorMembership, type OrgPermission, type StackRef, grantsWith, hasEffect, isPersonOnly, mayAs, toggleOf } from "./policy.ts";

const ofPeople: Partial<Record<OrgPermission, string>> = {
  "org_token:create": "create organization access tokens",
  "org_token:update": "change organization access tokens",
  "org_token:delete": "delete organization access tokens",
  "org_member:set_admin": "make, change or remove an administrator",
  "oidc_issuers:create": "set up identity providers",
  "oidc_issuers:update": "change identity providers",
  "oidc_issuers:delete": "delete identity providers",
  "auth_policies:update": "change the policies of identity providers",
  "audit_streams:update": "set up or change streams of the audit log",
  "organization:set_access": "change who has access to the organization and for how long",
  "stack:transfer": "move stacks between organizations",
  "organization:transfer_stacks": "move stacks between organizations",
};

/**
 * Explains to the caller why `decide` returned "forbidden", and who can change it. It does not reveal whether something exists: the caller named the
 * stack. Pure.
 */
export function whyForbidden(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack?: StackRef): string {
  const why = reason(actor, membership, permission, stack);
  return `You do not have permission to perform this operation: ${why}.`;
}

function reason(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack?: StackRef): string {
  if (!isPerson(actor) && isPersonOnly(permission))
    return `only a person may ${ofPeople[permission] ?? "do this"}, with a personal access token. No organization access token may, whatever its role`;
  if (!mayAs(membership, permission)) {
    const end = whoGrants(actor, membership, permission, stack);
    if (membership.custom)
      return `the role ${membership.custom.name} does not include the right ${permission}${stack ? ` on ${nameOf(stack)}` : ""}; ${end}`;
    const whose = isPerson(actor) ? `your role in ${membership.org.name}` : "the role of this access token";
    return `${whose} is ${membership.role}, ${lack(membership, permission)}; ${end}`;
  }
  const end = `an administrator of ${membership.org.name} can change that`;
  if (stack)
    return `this access token is limited to certain stacks, and its limits do not give the right ${permission} on ${nameOf(stack)}; ${end}`;
  return `this access token is limited to certain stacks, and the right ${permission} is about all of them; ${end}`;
}

const nameOf = ({ projectName, stackName }: StackRef) => `${projectName}/${stackName}`;

/** An organization token has no team, so a grant on the stack is not possible for it. */
function whoGrants({ kind }: Actor, { org, settings }: ActorMembership, permission: OrgPermission, stack?: StackRef): string {
  if (!hasEffect(permission)) return `only administrators of ${org.name} have it`;
  const toggle = toggleOf(permission);
  const isGrantable = grantsWith(permission).length > 0 && (!toggle || settings[toggle]);
  const ofStack = stack && isGrantable && kind !== "organization" ? `, or of the stack ${nameOf(stack)},` : "";
  return `an administrator of ${org.name}${ofStack} can grant it`;
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

import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { type Rule, holds } from "../access/rules.ts";
import { type Actor, type OnStack, type OrgContext, type OrgSettings, type OrganizationRef, type Rights, isPerson } from "../context.ts";
import type { TokenRole } from "../tokens/table.ts";
import type { Edition, StackPermission } from "../orgs/table.ts";
import { editionFault, hasEverything } from "./editions.ts";
import type { Use } from "./limits.ts";
import { type UseFault, useFault } from "./singleSignOn.ts";
import { type GrantPermission, grantPermissions } from "../teams/table.ts";
import { accessTo } from "./stackRules.ts";

export type { OrgPermission } from "../access/permissions.ts";

/**
 * What a route requires of its caller. `public`: nothing. `self`: any valid access token. `person`: a personal token. `lease`: the lease of
 * a running update. `operator`: the deployment's own credential. Any other value is a right in the organization that the path names.
 */
export type Permission = "public" | "self" | "person" | "lease" | "operator" | OrgPermission;

const everyone: OrgPermission[] = ["organization:read", "org_member:read", "team:list"];
/** Encryption is a right of readers, because it changes nothing (management-api §7.4). */
const readStacks: OrgPermission[] = ["stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack_access:read"];
/** A preview runs a program against a stack and writes no state (docs/decisions/0009). */
const previewStacks: OrgPermission[] = [...readStacks, "stack:preview"];
const stackHooks: OrgPermission[] = ["stack_webhook:read", "stack_webhook:create", "stack_webhook:update", "stack_webhook:delete"];
const writeStacks: OrgPermission[] = [
  ...previewStacks,
  "stack:write",
  "stack:import",
  "stack:cancel_update",
  "stack_tags:update",
  ...stackHooks,
];
const ownStacks: OrgPermission[] = [...writeStacks, "stack:delete", "stack:rename", "stack:transfer", "stack_access:update"];

/** The rights of the role Member, by the organization's default permission on stacks (management-api §8.4). */
const memberMay: Record<StackPermission, ReadonlySet<OrgPermission>> = {
  0: new Set([...everyone, "team:read"]),
  101: new Set([...everyone, "team:read", ...previewStacks]),
  102: new Set([...everyone, "team:read", "stack:create", ...writeStacks]),
  103: new Set([...everyone, "team:read", "stack:create", ...ownStacks]),
};

/** The rights of a grant on its stack. The grant of a creator has the same rights as that of an administrator. */
const grantMay: Record<GrantPermission, ReadonlySet<OrgPermission>> = {
  101: new Set(previewStacks),
  102: new Set(writeStacks),
  103: new Set(ownStacks),
  104: new Set(ownStacks),
};

/** The rights of a grant on its stack. */
export const rightsOfGrant = (grant: GrantPermission): OrgPermission[] => [...grantMay[grant]];

/** The grants that include a right. */
export const grantsWith = (permission: OrgPermission): GrantPermission[] =>
  grantPermissions.filter((grant) => grantMay[grant].has(permission));

/** Rights that the settings of an organization can take from its members. */
const memberToggles: Partial<Record<OrgPermission, "membersCanCreateStacks" | "membersCanDeleteStacks" | "membersCanTransferStacks">> = {
  "stack:create": "membersCanCreateStacks",
  "stack:delete": "membersCanDeleteStacks",
  "stack:transfer": "membersCanTransferStacks",
};

/** The setting that decides whether members have a right, if there is one. */
export const toggleOf = (permission: OrgPermission) => memberToggles[permission];

/** The rights of the other built-in roles are the same in every organization. */
const granted: Record<Exclude<TokenRole, "member">, ReadonlySet<OrgPermission>> = {
  admin: new Set(orgPermissions),
  "billing-manager": new Set(everyone),
  "read-only": new Set([...everyone, ...previewStacks]),
};

/** Rights to set up an identity provider, whose tokens are exchanged for access tokens. */
const issuerRights: OrgPermission[] = ["oidc_issuers:create", "oidc_issuers:update", "oidc_issuers:delete", "auth_policies:update"];

/** The right to set up streams, which send the audit log elsewhere for as long as they exist. */
const streamRights: OrgPermission[] = ["audit_streams:update"];

/**
 * Rights of people only. No machine token creates or ends an organization token, not even one with the role Admin. So no machine token makes
 * or removes an administrator, and none changes the settings with which it could lock out the people who would end it. An identity provider
 * creates tokens, and a stream outlives the token that makes it, so no machine token sets one up. A machine token belongs to one organization,
 * so it cannot move a stack to another one.
 */
const personOnly: ReadonlySet<OrgPermission> = new Set([
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:set_admin",
  "organization:set_access",
  ...issuerRights,
  ...streamRights,
  "stack:transfer",
  "organization:transfer_stacks",
]);

export const isPersonOnly = (permission: OrgPermission): boolean => personOnly.has(permission);

/** Rights of administrators only. A custom role that names them does not give them (management-api §14, rule 1). */
const adminOnly: ReadonlySet<OrgPermission> = new Set([
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:set_admin",
  "organization:set_access",
  "organization:transfer_stacks",
  "stack:reencrypt",
  ...issuerRights,
  ...streamRights,
]);

/**
 * The right to read a stack includes the right to list it, and the right to write it includes the right to preview. A caller that may export the log
 * may see where it goes.
 */
const impliedBy: Partial<Record<OrgPermission, OrgPermission>> = {
  "stack:list": "stack:read",
  "stack:preview": "stack:write",
  "audit_streams:read": "audit_logs:export",
};

/** Whether scopes of a custom role include a right. Unknown scopes include none. */
export function scopesGive(scopes: string[], permission: OrgPermission): boolean {
  if (adminOnly.has(permission)) return false;
  return scopes.includes(permission) || scopes.includes(impliedBy[permission] ?? permission);
}

/** The actor's rights in one organization. */
export interface ActorMembership extends Rights {
  org: OrganizationRef;
  settings: OrgSettings;
}

/** `depends`: the answer depends on the stack of the call, see `OnStack`. */
export type Verdict = "allowed" | "depends" | "forbidden" | "hidden" | "stack-hidden" | "edition" | UseFault;

/** The inputs of `decide` that do not come from the caller. */
export interface Circumstances extends Use {
  /** The edition of organizations without an edition of their own. */
  defaultEdition: Edition;
}

/** A stack as a path names it. */
export interface StackRef {
  projectName: string;
  stackName: string;
}

/**
 * Decides whether an actor may do something. No other code decides that.
 * `hidden` (404): the actor may not know that the organization exists. `stack-hidden` (404): the actor may not know that the stack exists.
 * `forbidden` (403): the actor lacks the right. `network`, `expiry-policy` (403): the token may not be used from this address, or does not
 * meet the policy on expiry. `sso-required` (403), `sso-expired` (401): see `ssoFault`. `edition` (403): the organization's edition does not include the right.
 * @param stack the stack of the call, if it is about one
 */
export function decide(actor: Actor, permission: OrgPermission, orgName: string, circumstances: Circumstances, stack?: StackRef): Verdict {
  const membership = membershipIn(actor, orgName);
  if (!membership) return "hidden";
  const fault = useFault(actor, membership, circumstances);
  if (fault) return fault;
  if (!isPerson(actor) && personOnly.has(permission)) return "forbidden";
  if (!mayAs(membership, permission)) return decideOnStack(actor, membership, permission, stack);
  const { defaultEdition, now } = circumstances;
  if (!hasEverything(membership.settings, defaultEdition, now) && editionFault(permission)) return "edition";
  return inScope(actor, permission, stack);
}

/** Decides for an actor who does not have the right on all stacks, but may have it on some. */
function decideOnStack(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack: StackRef | undefined): Verdict {
  if (!mayOnSome(membership, permission)) return "forbidden";
  // The list contains only the stacks on which the actor has the right.
  if (!stack) return permission === "stack:list" ? "allowed" : "forbidden";
  const scope = inScope(actor, permission, stack);
  if (scope !== "allowed") return scope;
  const facts = factsOf(actor, stack);
  if (facts === undefined) return "depends";
  if (facts === null) return "stack-hidden";
  if (mayOn(membership, facts, permission)) return "allowed";
  return mayAs(membership, "stack:list") || mayOn(membership, facts, "stack:list") ? "forbidden" : "stack-hidden";
}

type Facts = NonNullable<OnStack["facts"]>;

const factsOf = ({ onStack }: Actor, stack: StackRef) =>
  onStack?.projectName === stack.projectName && onStack.stackName === stack.stackName ? onStack.facts : undefined;

/** Whether the actor has any right on single stacks. */
export const hasRightsOnSome = (membership: Rights): boolean =>
  membership.hasStackGrants || customGrants(membership).some(({ rules }) => rules !== null);

/** Whether the actor may have the right on single stacks. */
export const mayOnSome = (membership: ActorMembership, permission: OrgPermission): boolean =>
  (membership.hasStackGrants && grantsWith(permission).length > 0 && mayByToggle(membership, permission)) ||
  rulesFor(membership, permission).length > 0;

/** Whether the actor has the right on that stack by a rule or a grant. `isStackGranted` is the same in SQL. */
const mayOn = (membership: ActorMembership, facts: Facts, permission: OrgPermission): boolean =>
  (facts.granted.some((grant) => grantMay[grant].has(permission)) && mayByToggle(membership, permission)) ||
  rulesFor(membership, permission).some((rule) => holds(rule, facts));

/** The grants of the actor's custom role, and of the roles of its teams. */
export const customGrants = ({ custom, ofTeams }: Rights) => [...(custom?.grants ?? []), ...ofTeams];

/** The rules under which the actor's custom roles give a right on a stack. */
export const rulesFor = (membership: Rights, permission: OrgPermission): Rule[] =>
  customGrants(membership).flatMap(({ scopes, rules }) => (rules !== null && scopesGive(scopes, permission) ? rules : []));

/** A setting that takes a right from members also takes it from their grants on stacks. Custom roles are not affected. */
export function mayByToggle({ settings }: Pick<ActorMembership, "settings">, permission: OrgPermission): boolean {
  const toggle = toggleOf(permission);
  return !toggle || settings[toggle];
}

/** The rights that a rule of a token leaves; `write` leaves all rights of the role. */
const ruleMay: Record<"read" | "preview", ReadonlySet<OrgPermission>> = { read: new Set(readStacks), preview: new Set(previewStacks) };
/** Whether a rule of a token with this access leaves a right on the stacks that it matches, if the role has the right. */
export const leftByRule = (access: "read" | "preview", permission: OrgPermission): boolean => ruleMay[access].has(permission);

/** Rights that are checked without a stack at first: a list is filtered, and a creation is checked again when the name is known. */
const judgedLater: ReadonlySet<OrgPermission> = new Set(["stack:list", "stack:create"]);

/** A webhook of the organization sends events of all stacks. */
const isAboutStacks = (permission: OrgPermission) => permission.startsWith("stack") || permission.startsWith("organization_webhook:");

/** Checks a right against the token's limit on stacks. A right on stacks that names no stack is refused, unless it is checked later. */
export function inScope(
  { limits }: Actor,
  permission: OrgPermission,
  stack: StackRef | undefined,
): "allowed" | "forbidden" | "stack-hidden" {
  if (limits.stackRules === null || !isAboutStacks(permission)) return "allowed";
  if (!stack || !permission.startsWith("stack")) return judgedLater.has(permission) ? "allowed" : "forbidden";
  const access = accessTo(limits.stackRules, stack.projectName, stack.stackName);
  if (access === "none") return "stack-hidden";
  return access === "write" || ruleMay[access].has(permission) ? "allowed" : "forbidden";
}

/** Whether the actor's roles give the right on the organization and on every stack. It does not check the limits of the token. */
export function mayAs(membership: Omit<ActorMembership, "org">, permission: OrgPermission): boolean {
  if (customGrants(membership).some(({ scopes, rules }) => rules === null && scopesGive(scopes, permission))) return true;
  if (membership.custom) return everyone.includes(permission);
  if (membership.role !== "member") return granted[membership.role].has(permission);
  return memberMay[membership.settings.defaultStackPermission].has(permission) && mayByToggle(membership, permission);
}

/** Whether the caller has the role Admin. A machine token with that role still has no rights of people. */
export const isAdministrator = (place: Rights): boolean => place.role === "admin" && place.custom === null;

/**
 * Whether the caller may give every right to others. A credential that is limited to stacks may not, whatever its role is: a person would get
 * rights on all stacks from it.
 */
export const mayGiveEverything = (actor: Actor, place: Rights): boolean => isAdministrator(place) && actor.limits.stackRules === null;

/** The rights of a built-in role in an organization with these settings. */
export const rightsOfRole = (role: TokenRole, settings: OrgSettings): OrgPermission[] =>
  orgPermissions.filter((permission) => mayAs({ role, settings, custom: null, ofTeams: [], hasStackGrants: false }, permission));

/**
 * The scopes that the caller may not give to others, by writing or by assigning a custom role. A caller can give only rights that the caller
 * has on the whole organization, and a machine cannot give rights of people. An unknown scope may get a meaning later, so it counts as well.
 * A token that is limited to stacks has no right on the whole organization.
 */
export const scopesBeyond = (actor: Actor, place: ActorMembership, scopes: readonly string[]): string[] =>
  actor.limits.stackRules === null ? scopes.filter((scope) => !hasEverywhere(actor, place, scope)) : [...scopes];

function hasEverywhere(actor: Actor, place: ActorMembership, scope: string): boolean {
  if (!isPerson(actor) && isPersonOnly(scope as OrgPermission)) return false;
  if (isAdministrator(place)) return true;
  if ((orgPermissions as readonly string[]).includes(scope)) return mayAs(place, scope as OrgPermission);
  return customGrants(place).some(({ scopes, rules }) => rules === null && scopes.includes(scope));
}

/** Whether a custom role with that scope gives any right. */
export const hasEffect = (scope: string): boolean =>
  (orgPermissions as readonly string[]).includes(scope) && !adminOnly.has(scope as OrgPermission);

/** The actor's membership in the organization of that name. Upper and lower case are different. */
export function membershipIn(actor: Actor, orgName: string): ActorMembership | undefined {
  switch (actor.kind) {
    case "user":
      return actor.memberships.find((m) => m.org.name === orgName);
    case "organization":
    case "team":
      return actor.org.name === orgName ? actor : undefined;
  }
}

/** The actor's membership in the organization of the call. It exists, because the permission of the route was checked before. */
export function membershipOf({ actor, org }: Pick<OrgContext, "actor" | "org">): ActorMembership {
  const membership = membershipIn(actor, org.name);
  if (!membership) throw new Error("the actor is not in the organization of its own call");
  return membership;
}

export const settingsOf = (ctx: Pick<OrgContext, "actor" | "org">): OrgSettings => membershipOf(ctx).settings;

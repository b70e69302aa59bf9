import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { type Rule, holds } from "../access/rules.ts";
import type { Actor, OnStack, OrgContext, OrgSettings, OrganizationRef, Rights } from "../context.ts";
import type { TokenRole } from "../tokens/table.ts";
import type { Edition, StackPermission } from "../orgs/table.ts";
import { editionFault, hasEverything } from "./editions.ts";
import { type LimitFault, type Use, limitFault } from "./limits.ts";
import { type GrantPermission, grantPermissions } from "../teams/table.ts";
import { accessTo } from "./stackRules.ts";

export type { OrgPermission } from "../access/permissions.ts";

/**
 * What a route asks of its caller:
 * `public` nothing; `self` any good access token; `person` a personal token; `lease` the lease of a running update; `operator` the
 * deployment's own credential; else a right in the organization that the path names.
 */
export type Permission = "public" | "self" | "person" | "lease" | "operator" | OrgPermission;

const everyone: OrgPermission[] = ["organization:read", "org_member:read", "team:list"];
/** Encryption changes nothing (management-api §7.4). */
const readStacks: OrgPermission[] = ["stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack_access:read"];
/** A preview runs a program against a stack and writes no state (docs/decisions/0009). */
const previewStacks: OrgPermission[] = [...readStacks, "stack:preview"];
const writeStacks: OrgPermission[] = [...previewStacks, "stack:write", "stack:import", "stack:cancel_update", "stack_tags:update"];
const ownStacks: OrgPermission[] = [...writeStacks, "stack:delete", "stack:rename", "stack:transfer", "stack_access:update"];

/** What the role of a member opens, by the organization's default permission on stacks (management-api §8.4). */
const memberMay: Record<StackPermission, ReadonlySet<OrgPermission>> = {
  0: new Set([...everyone, "team:read"]),
  101: new Set([...everyone, "team:read", ...previewStacks]),
  102: new Set([...everyone, "team:read", "stack:create", ...writeStacks]),
  103: new Set([...everyone, "team:read", "stack:create", ...ownStacks]),
};

/** What a grant on one stack opens there. A creator's is an administrator's. */
const grantMay: Record<GrantPermission, ReadonlySet<OrgPermission>> = {
  101: new Set(previewStacks),
  102: new Set(writeStacks),
  103: new Set(ownStacks),
  104: new Set(ownStacks),
};

/** What a grant opens on its stack. */
export const rightsOfGrant = (grant: GrantPermission): OrgPermission[] => [...grantMay[grant]];

/** The grants on a stack that open a right there. */
export const grantsWith = (permission: OrgPermission): GrantPermission[] =>
  grantPermissions.filter((grant) => grantMay[grant].has(permission));

/** What an organization may take from its members besides. */
const memberToggles: Partial<Record<OrgPermission, "membersCanCreateStacks" | "membersCanDeleteStacks" | "membersCanTransferStacks">> = {
  "stack:create": "membersCanCreateStacks",
  "stack:delete": "membersCanDeleteStacks",
  "stack:transfer": "membersCanTransferStacks",
};

/** The setting that gives a right to members, if there is one. */
export const toggleOf = (permission: OrgPermission) => memberToggles[permission];

/** The other roles are the same everywhere. */
const granted: Record<Exclude<TokenRole, "member">, ReadonlySet<OrgPermission>> = {
  admin: new Set(orgPermissions),
  "billing-manager": new Set(everyone),
  "read-only": new Set([...everyone, ...previewStacks]),
};

/**
 * No machine token mints or ends an organization token, an admin-scoped one included; so none makes or ends an administrator, who
 * could, and none changes from where and for how long people get in to end it. None takes part in two organizations either, so
 * none moves a stack between them.
 */
const personOnly: ReadonlySet<OrgPermission> = new Set([
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:set_admin",
  "organization:set_access",
  "stack:transfer",
  "organization:transfer_stacks",
]);

export const isPersonOnly = (permission: OrgPermission): boolean => personOnly.has(permission);

/** Rights of administrators alone: no custom role gives them, whatever it names (management-api §14, rule 1). */
const adminOnly: ReadonlySet<OrgPermission> = new Set([
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:set_admin",
  "organization:set_access",
  "organization:transfer_stacks",
  "stack:reencrypt",
]);

/** Whoever may read a stack finds it in lists, and whoever may change it may try the change. */
const impliedBy: Partial<Record<OrgPermission, OrgPermission>> = { "stack:list": "stack:read", "stack:preview": "stack:write" };

/** Whether scopes of a custom role give a right. Scopes that we do not have give none. */
export function scopesGive(scopes: string[], permission: OrgPermission): boolean {
  if (adminOnly.has(permission)) return false;
  return scopes.includes(permission) || scopes.includes(impliedBy[permission] ?? permission);
}

/** The organization as the actor sees it. */
export interface ActorMembership extends Rights {
  org: OrganizationRef;
  settings: OrgSettings;
}

/** `depends`: on the stack that the call is about, see `OnStack`. */
export type Verdict = "allowed" | "depends" | "forbidden" | "hidden" | "stack-hidden" | "edition" | LimitFault;

/** What a verdict depends on besides the caller. */
export interface Circumstances extends Use {
  /** What organizations have that have no edition of their own. */
  defaultEdition: Edition;
}

/** A stack as a path names it. */
export interface StackRef {
  projectName: string;
  stackName: string;
}

/**
 * Decides who may do what; nothing else does.
 * `hidden` (404): the actor may not know that the organization exists, `stack-hidden`: the stack. `forbidden` (403): it may, but
 * lacks the right. `network`, `expiry-policy` (403): this token may not be used from there, or
 * now. `edition` (403): the organization's edition does not have it.
 * @param stack the one that the call is about, if it is about one
 */
export function decide(actor: Actor, permission: OrgPermission, orgName: string, circumstances: Circumstances, stack?: StackRef): Verdict {
  const membership = membershipIn(actor, orgName);
  if (!membership) return "hidden";
  const fault = limitFault(actor.limits, membership.settings, circumstances);
  if (fault) return fault;
  if (actor.kind !== "user" && personOnly.has(permission)) return "forbidden";
  if (!mayAs(membership, permission)) return decideOnStack(actor, membership, permission, stack);
  const { defaultEdition, now } = circumstances;
  if (editionFault(permission) && !hasEverything(membership.settings, defaultEdition, now)) return "edition";
  return inScope(actor, permission, stack);
}

/** For an actor who has the right on certain stacks at most. */
function decideOnStack(actor: Actor, membership: ActorMembership, permission: OrgPermission, stack: StackRef | undefined): Verdict {
  if (!mayOnSome(membership, permission)) return "forbidden";
  // A list has the stacks that there are for the actor.
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

/** Whether any right is given on single stacks. */
export const hasRightsOnSome = (membership: Rights): boolean =>
  membership.hasStackGrants || customGrants(membership).some(({ rules }) => rules !== null);

/** Whether there can be stacks that a right is given on, one by one. */
const mayOnSome = (membership: ActorMembership, permission: OrgPermission): boolean =>
  (membership.hasStackGrants && grantsWith(permission).length > 0 && mayByToggle(membership, permission)) ||
  rulesFor(membership, permission).length > 0;

/** Whether the right is given on that stack. Pure, and the same as `isStackGranted` in SQL. */
const mayOn = (membership: ActorMembership, facts: Facts, permission: OrgPermission): boolean =>
  (facts.granted.some((grant) => grantMay[grant].has(permission)) && mayByToggle(membership, permission)) ||
  rulesFor(membership, permission).some((rule) => holds(rule, facts));

const customGrants = ({ custom, ofTeams }: Rights) => [...(custom?.grants ?? []), ...ofTeams];

/** The rules of custom roles under which a right is given on a stack. */
export const rulesFor = (membership: Rights, permission: OrgPermission): Rule[] =>
  customGrants(membership).flatMap(({ scopes, rules }) => (rules !== null && scopesGive(scopes, permission) ? rules : []));

/** What an organization takes from its members it takes from their grants on stacks too. A custom role names what it gives. */
export function mayByToggle({ settings }: Pick<ActorMembership, "settings">, permission: OrgPermission): boolean {
  const toggle = toggleOf(permission);
  return !toggle || settings[toggle];
}

/** What a rule of a token opens; `write` opens all that the role does. */
const ruleMay: Record<"read" | "preview", ReadonlySet<OrgPermission>> = { read: new Set(readStacks), preview: new Set(previewStacks) };
/** Rights that are asked for without a stack: a list is filtered, and a creation is judged when the name is known. */
const judgedLater: ReadonlySet<OrgPermission> = new Set(["stack:list", "stack:create"]);

/** What a limit on stacks leaves of a right. A right on stacks that names none is refused, unless it is judged later. */
export function inScope(
  { limits }: Actor,
  permission: OrgPermission,
  stack: StackRef | undefined,
): "allowed" | "forbidden" | "stack-hidden" {
  if (limits.stackRules === null || !permission.startsWith("stack")) return "allowed";
  if (!stack) return judgedLater.has(permission) ? "allowed" : "forbidden";
  const access = accessTo(limits.stackRules, stack.projectName, stack.stackName);
  if (access === "none") return "stack-hidden";
  return access === "write" || ruleMay[access].has(permission) ? "allowed" : "forbidden";
}

/** What roles open there on every stack and on the organization, whatever else stands against it. */
export function mayAs(membership: Omit<ActorMembership, "org">, permission: OrgPermission): boolean {
  if (customGrants(membership).some(({ scopes, rules }) => rules === null && scopesGive(scopes, permission))) return true;
  if (membership.custom) return everyone.includes(permission);
  if (membership.role !== "member") return granted[membership.role].has(permission);
  return memberMay[membership.settings.defaultStackPermission].has(permission) && mayByToggle(membership, permission);
}

/** Whether nobody is above the caller there. A machine token with the role is one, and still has no right that is for people only. */
export const isAdministrator = (place: Rights): boolean => place.role === "admin" && place.custom === null;

/** The rights of a built-in role there, when nothing is given besides. */
export const rightsOfRole = (role: TokenRole, settings: OrgSettings): OrgPermission[] =>
  orgPermissions.filter((permission) => mayAs({ role, settings, custom: null, ofTeams: [], hasStackGrants: false }, permission));

/**
 * Which of these scopes the caller may not give to anybody, by a custom role or by assigning one: a caller gives no more than the caller has on
 * the whole organization, and a machine gives nothing that is for people only. A scope that we do not have may get a meaning later, so it
 * counts as the others do. A token that is limited to stacks has nothing on the whole organization.
 */
export const scopesBeyond = (actor: Actor, place: ActorMembership, scopes: readonly string[]): string[] =>
  actor.limits.stackRules === null ? scopes.filter((scope) => !hasEverywhere(actor, place, scope)) : [...scopes];

function hasEverywhere(actor: Actor, place: ActorMembership, scope: string): boolean {
  if (actor.kind !== "user" && isPersonOnly(scope as OrgPermission)) return false;
  if (isAdministrator(place)) return true;
  if ((orgPermissions as readonly string[]).includes(scope)) return mayAs(place, scope as OrgPermission);
  return customGrants(place).some(({ scopes, rules }) => rules === null && scopes.includes(scope));
}

/** Whether a custom role with the scope gives a right. */
export const hasEffect = (scope: string): boolean =>
  (orgPermissions as readonly string[]).includes(scope) && !adminOnly.has(scope as OrgPermission);

/** The organization of that name as the actor sees it, with the role held there. Names are compared as written. */
export function membershipIn(actor: Actor, orgName: string): ActorMembership | undefined {
  switch (actor.kind) {
    case "user":
      return actor.memberships.find((m) => m.org.name === orgName);
    case "organization":
    case "team":
      return actor.org.name === orgName ? actor : undefined;
  }
}

/** The organization that the call is in; the route's permission has proved that the actor is in it. */
export function membershipOf({ actor, org }: Pick<OrgContext, "actor" | "org">): ActorMembership {
  const membership = membershipIn(actor, org.name);
  if (!membership) throw new Error("the actor is not in the organization of its own call");
  return membership;
}

export const settingsOf = (ctx: Pick<OrgContext, "actor" | "org">): OrgSettings => membershipOf(ctx).settings;

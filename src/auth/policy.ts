import type { Actor, OrgContext, OrgSettings, OrganizationRef } from "../context.ts";
import type { BuiltInRole } from "./roles.ts";
import type { Edition, StackPermission } from "../orgs/table.ts";
import { editionFault, hasEverything } from "./editions.ts";
import { type LimitFault, type Use, limitFault } from "./limits.ts";
import { accessTo } from "./stackRules.ts";

/** Rights inside one organization. The names are those of the public contract's scopes (management-api §7.4). */
export const orgPermissions = [
  "organization:read",
  "organization:update",
  "organization:set_access",
  "org_token:read",
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:read",
  "org_member:add",
  "org_member:update",
  "org_member:delete",
  "org_member:set_admin",
  "invites:read",
  "invites:create",
  "role:read",
  "audit_logs:read",
  "stack:list",
  "stack:create",
  "stack:read",
  "stack:preview",
  "stack:write",
  "stack:export",
  "stack:import",
  "stack:encrypt",
  "stack:decrypt",
  "stack:delete",
  "stack:cancel_update",
  "stack:rename",
  "stack:transfer",
  "stack:reencrypt",
  "stack:list_deleted",
  "stack:restore_deleted",
  "stack_tags:update",
  "organization:transfer_stacks",
] as const;
export type OrgPermission = (typeof orgPermissions)[number];

/**
 * What a route asks of its caller:
 * `public` nothing; `self` any good access token; `person` a personal token; `lease` the lease of a running update; `operator` the
 * deployment's own credential; else a right in the organization that the path names.
 */
export type Permission = "public" | "self" | "person" | "lease" | "operator" | OrgPermission;

const everyone: OrgPermission[] = ["organization:read", "org_member:read"];
/** Encryption changes nothing (management-api §7.4). */
const readStacks: OrgPermission[] = ["stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt"];
/** A preview runs a program against a stack and writes no state (docs/decisions/0009). */
const previewStacks: OrgPermission[] = [...readStacks, "stack:preview"];
const writeStacks: OrgPermission[] = [
  ...previewStacks,
  "stack:create",
  "stack:write",
  "stack:import",
  "stack:cancel_update",
  "stack_tags:update",
];
const ownStacks: OrgPermission[] = [...writeStacks, "stack:delete", "stack:rename", "stack:transfer"];

/** What the role of a member opens, by the organization's default permission on stacks (management-api §8.4). */
const memberMay: Record<StackPermission, ReadonlySet<OrgPermission>> = {
  0: new Set(everyone),
  101: new Set([...everyone, ...previewStacks]),
  102: new Set([...everyone, ...writeStacks]),
  103: new Set([...everyone, ...ownStacks]),
};

/** What an organization may take from its members besides. */
const memberToggles: Partial<Record<OrgPermission, "membersCanCreateStacks" | "membersCanDeleteStacks" | "membersCanTransferStacks">> = {
  "stack:create": "membersCanCreateStacks",
  "stack:delete": "membersCanDeleteStacks",
  "stack:transfer": "membersCanTransferStacks",
};

/** The setting that gives a right to members, if there is one. */
export const toggleOf = (permission: OrgPermission) => memberToggles[permission];

/** The other roles are the same everywhere. */
const granted: Record<Exclude<BuiltInRole, "member">, ReadonlySet<OrgPermission>> = {
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

/** The organization as the actor sees it. */
export interface Place {
  org: OrganizationRef;
  role: BuiltInRole;
  settings: OrgSettings;
}

export type Verdict = "allowed" | "forbidden" | "hidden" | "stack hidden" | "not in this edition" | LimitFault;

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
 * The one place that decides who may do what.
 * `hidden` (404): the actor may not know that the organization exists, `stack hidden`: the stack. `forbidden` (403): it may, but
 * lacks the right. `place`, `expiry policy` (403): this token may not be used here and now.
 * @param stack the one that the call is about, if it is about one
 */
export function decide(actor: Actor, permission: OrgPermission, orgName: string, circumstances: Circumstances, stack?: StackRef): Verdict {
  const place = placeIn(actor, orgName);
  if (!place) return "hidden";
  const fault = limitFault(actor.limits, place.settings, circumstances);
  if (fault) return fault;
  if (actor.kind !== "user" && personOnly.has(permission)) return "forbidden";
  if (!mayAs(place, permission)) return "forbidden";
  const { defaultEdition, now } = circumstances;
  if (editionFault(permission) && !hasEverything(place.settings, defaultEdition, now)) return "not in this edition";
  return inScope(actor, permission, stack);
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
): "allowed" | "forbidden" | "stack hidden" {
  if (limits.stackRules === null || !permission.startsWith("stack")) return "allowed";
  if (!stack) return judgedLater.has(permission) ? "allowed" : "forbidden";
  const access = accessTo(limits.stackRules, stack.projectName, stack.stackName);
  if (access === "none") return "stack hidden";
  return access === "write" || ruleMay[access].has(permission) ? "allowed" : "forbidden";
}

/** Ids of the organizations whose conditions or policy keep this token out, here and now: a list over all of them leaves them out. */
export const closedOrgs = (actor: Actor, use: Use): string[] =>
  (actor.kind === "user" ? actor.memberships : [actor])
    .filter(({ settings }) => limitFault(actor.limits, settings, use))
    .map(({ org }) => org.id);

/** What a role opens there, whatever else stands against it. */
export function mayAs({ role, settings }: Pick<Place, "role" | "settings">, permission: OrgPermission): boolean {
  if (role !== "member") return granted[role].has(permission);
  const toggle = toggleOf(permission);
  return memberMay[settings.defaultStackPermission].has(permission) && (!toggle || settings[toggle]);
}

/** The organization of that name as the actor sees it, with the role held there. Names are compared as written. */
export function placeIn(actor: Actor, orgName: string): Place | undefined {
  switch (actor.kind) {
    case "user":
      return actor.memberships.find((m) => m.org.name === orgName);
    case "organization":
    case "team":
      return actor.org.name === orgName ? { org: actor.org, role: actor.role, settings: actor.settings } : undefined;
  }
}

/** The organization that the call is in; the route's permission has proved that the actor is in it. */
export function placeOf({ actor, org }: Pick<OrgContext, "actor" | "org">): Place {
  const place = placeIn(actor, org.name);
  if (!place) throw new Error("the actor is not in the organization of its own call");
  return place;
}

export const settingsOf = (ctx: Pick<OrgContext, "actor" | "org">): OrgSettings => placeOf(ctx).settings;

/** Who may do what, written from management-api §7, §8 and §14 without regard to speed: the other implementation of `decide`. */
import type { OrgPermission } from "../../src/access/permissions.ts";
import type { StackFacts } from "../../src/access/rules.ts";
import { type Tree, naiveScopes } from "./naive.ts";

export interface NaiveWorld {
  defaultPermission: 0 | 101 | 102 | 103;
  membersCanDelete: boolean;
  /** The built-in role of the person and of the organization token. */
  role: string;
  /** The custom role that both have in its place. */
  custom: Tree | null;
  /** The organization's default role, for members who were given none. */
  orgDefault: Tree | null;
  teamRoles: Record<string, Tree | null>;
  /** Teams of the person. The team token is of the team `red`. */
  memberOf: string[];
  stacks: StackFacts[];
  grants: { stackId: string; grantee: string; permission: 101 | 102 | 103 | 104 }[];
  /** Stacks of the project `web` that the token is limited to. */
  limit: { stack: string; access: string } | null;
}

export interface Asked {
  caller: string;
  world: NaiveWorld;
}

const READ = ["stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack_access:read"];
const PREVIEW = [...READ, "stack:preview"];
const HOOKS = ["stack_webhook:read", "stack_webhook:create", "stack_webhook:update", "stack_webhook:delete"];
const WRITE = [...PREVIEW, "stack:write", "stack:import", "stack:cancel_update", "stack_tags:update", ...HOOKS];
const ADMIN = [...WRITE, "stack:delete", "stack:rename", "stack:transfer", "stack_access:update"];
const byNumber: Record<number, string[]> = { 0: [], 101: PREVIEW, 102: WRITE, 103: ADMIN, 104: ADMIN };
const EVERYONE = ["organization:read", "org_member:read", "team:list"];
const NEVER_BY_ROLE = [
  "org_token:create",
  "org_token:update",
  "org_token:delete",
  "org_member:set_admin",
  "organization:set_access",
  "organization:transfer_stacks",
  "oidc_issuers:create",
  "oidc_issuers:update",
  "oidc_issuers:delete",
  "auth_policies:update",
  "audit_streams:update",
  "stack:reencrypt",
];
const PEOPLE = [...NEVER_BY_ROLE.filter((permission) => permission !== "stack:reencrypt"), "stack:transfer"];

export function naiveMay({ caller, world }: Asked, permission: OrgPermission, stack: StackFacts | undefined): boolean {
  if (caller !== "person" && PEOPLE.includes(permission)) return false;
  return hasRight(caller, world, permission, stack) && isWithinLimit(world, permission, stack);
}

function hasRight(caller: string, world: NaiveWorld, permission: OrgPermission, stack: StackFacts | undefined): boolean {
  const custom = caller === "team" ? null : (world.custom ?? (caller === "person" && world.role === "member" ? world.orgDefault : null));
  const role = caller === "team" || custom ? "member" : world.role;
  const ofTeams = TEAMS(caller, world).map((team) => world.teamRoles[team] ?? null);
  const scopes = [custom, ...ofTeams].flatMap((tree) => (tree ? [...naiveScopes(tree, stack)] : []));
  if (!NEVER_BY_ROLE.includes(permission)) {
    if (scopes.includes(permission)) return true;
    if (permission === "stack:list" && scopes.includes("stack:read")) return true;
    if (permission === "stack:preview" && scopes.includes("stack:write")) return true;
    if (permission === "audit_streams:read" && scopes.includes("audit_logs:export")) return true;
  }
  if (EVERYONE.includes(permission)) return true;
  const isTaken = permission === "stack:delete" && !world.membersCanDelete;
  if (!isTaken && stack && grantsOf(caller, world, stack).some((number) => byNumber[number]!.includes(permission))) return true;
  if (custom) return false;
  if (role === "admin") return true;
  if (role !== "member") return false;
  if (permission === "team:read") return true;
  if (permission === "stack:create") return world.defaultPermission >= 102;
  return !isTaken && byNumber[world.defaultPermission]!.includes(permission);
}

const TEAMS = (caller: string, world: NaiveWorld) => (caller === "person" ? world.memberOf : caller === "team" ? ["red"] : []);

const grantsOf = (caller: string, world: NaiveWorld, { stackId }: StackFacts) =>
  world.grants
    .filter((grant) => grant.stackId === stackId && (grant.grantee === caller || TEAMS(caller, world).includes(grant.grantee)))
    .map((grant) => grant.permission);

function isWithinLimit({ limit }: NaiveWorld, permission: OrgPermission, stack: StackFacts | undefined): boolean {
  if (!limit) return true;
  if (permission.startsWith("organization_webhook:")) return false;
  if (!permission.startsWith("stack")) return true;
  if (!stack) return permission === "stack:list" || permission === "stack:create";
  if (!new RegExp(`^${limit.stack.replace("*", ".*")}$`).test(stack.stackId)) return false;
  return limit.access === "write" || (limit.access === "read" ? READ : PREVIEW).includes(permission);
}

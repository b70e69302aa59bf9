import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { isPersonOnly, leftByRule, rightsOfRole } from "../auth/policy.ts";
import type { OrgSettings } from "../context.ts";
import { type StackRule, type TokenRole, tokenRoles } from "../tokens/table.ts";
import { type Need, needOf } from "./needs.ts";
import { type TouchedStack, patternsFor } from "./patterns.ts";

/** Maximum number of rules that a token can have. */
const MOST_RULES = 100;

/** Events of a token with the same need on the same stack. */
export interface Used {
  event: string;
  /** "" if it does not matter for the need. */
  description: string;
  /** `project/stack`, or "". */
  stack: string;
  events: number;
  /** Time of the latest event, milliseconds since 1970. */
  at: number;
}

/** The rights that a token has used according to its events, and the smallest role and limit that would have allowed all of this use. */
export interface Proposal {
  used: { permission: OrgPermission; events: number; at: number }[];
  permissions: OrgPermission[];
  needsAdmin: boolean;
  givesRights: boolean;
  builtIn: { role: TokenRole; beyond: OrgPermission[] } | null;
  touched: TouchedStack[];
  stacks: StackRule[] | null;
}

/** The smallest role and limit that would have allowed all these events. Pure. @param existing all stacks of the organization */
export function propose(events: Used[], existing: { project: string; stack: string }[], settings: OrgSettings): Proposal {
  const needs = events.map((one) => ({ ...one, need: needOf(one.event, one.description) }));
  const used = new Map<OrgPermission, { permission: OrgPermission; events: number; at: number }>();
  for (const { need, events: count, at } of needs)
    for (const permission of need.shows) {
      const known = used.get(permission) ?? { permission, events: 0, at: 0 };
      used.set(permission, { permission, events: known.events + count, at: Math.max(known.at, at) });
    }
  const needed = new Set(needs.flatMap(({ need }) => rightsOf(need)));
  const permissions = orgPermissions.filter((permission) => needed.has(permission));
  const needsAdmin = needs.some(({ need }) => need.admin);
  const touched = needs.flatMap((one) => touchedBy(one));
  const rules = patternsFor(touched, existing);
  return {
    used: orgPermissions.flatMap((permission) => used.get(permission) ?? []),
    permissions,
    needsAdmin,
    givesRights: needs.some(({ need }) => need.gives),
    builtIn: smallestBuiltIn(permissions, needsAdmin, settings),
    touched,
    // A token with the role Admin cannot be limited to stacks.
    stacks: needsAdmin || rules.length > MOST_RULES ? null : rules,
  };
}

const rightsOf = ({ shows, besides = [] }: Need): OrgPermission[] => [...shows, ...besides];

/** The stacks of an event. A rename counts for the old name of the stack and for the new one. */
function touchedBy({ need, event, stack, description }: Used & { need: Need }): TouchedStack[] {
  const rights = rightsOf(need);
  if (rights.length === 0 || stack === "") return [];
  const access = (["read", "preview"] as const).find((one) => rights.every((right) => leftByRule(one, right))) ?? "write";
  const renamed = event === "stack-renamed" ? (/ to "[^/"]+\/([^"]+)"\.$/.exec(description)?.[1] ?? []) : [];
  return [stack, renamed].flat().map((path) => {
    const [project = "", name = ""] = path.split("/");
    return { project, stack: name, access };
  });
}

/** The built-in role with the fewest rights that has all of these. */
function smallestBuiltIn(permissions: OrgPermission[], needsAdmin: boolean, settings: OrgSettings): Proposal["builtIn"] {
  const fitting = tokenRoles
    .filter((role) => !needsAdmin || role === "admin")
    .map((role) => ({ role, rights: rightsOfRole(role, settings).filter((permission) => !isPersonOnly(permission)) }))
    .filter(({ rights }) => permissions.every((permission) => rights.includes(permission)))
    .map(({ role, rights }) => ({ role, beyond: rights.filter((permission) => !permissions.includes(permission)) }));
  return fitting.toSorted((a, b) => a.beyond.length - b.beyond.length)[0] ?? null;
}

/** The rights that the rows of `tables.ts` give to people, teams and tokens, by the rules of `decide`. Pure. */
import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { type Rule, type StackFacts, holds } from "../access/rules.ts";
import {
  type ActorMembership,
  type Circumstances,
  customGrants,
  decide,
  isPersonOnly,
  leftByRule,
  mayAs,
  mayByToggle,
  rightsOfGrant,
  scopesGive,
} from "../auth/policy.ts";
import { type Access, accessBy } from "../auth/stackRules.ts";
import type { Actor, OrgSettings, OrganizationRef } from "../context.ts";
import type { StackRule } from "../tokens/table.ts";
import type { Tables } from "./tables.ts";

export const subjectKinds = ["person", "team", "organization-token", "team-token"] as const;

/** A person, a team or a token. The rights of a team are those that it gives to its members and tokens. */
export interface Subject {
  kind: (typeof subjectKinds)[number];
  id: string;
  name: string;
}

/** A stack, and the facts that rights on it depend on. */
export interface Stack extends StackFacts {
  project: string;
  name: string;
}

/** The organization of the call, and the facts about it that no dry run changes. */
export interface Place {
  org: OrganizationRef;
  settings: OrgSettings;
  circumstances: Circumstances;
  stacks: Stack[];
}

/** The rights that a call about one stack needs. The others concern the organization, also those on deleted stacks. */
export const stackRights = orgPermissions.filter(
  (permission) => permission.startsWith("stack") && !["stack:create", "stack:list_deleted", "stack:restore_deleted"].includes(permission),
);

/** A set of `stackRights`, one bit each. */
const maskOf = (may: (permission: OrgPermission) => boolean): number =>
  stackRights.reduce((mask, permission, bit) => (may(permission) ? mask | (1 << bit) : mask), 0);

export const rightsIn = (mask: number): OrgPermission[] => stackRights.filter((_, bit) => mask & (1 << bit));

/** All rights of a machine: it never has those of people. */
const ofMachines = maskOf((permission) => !isPersonOnly(permission));
const all = maskOf(() => true);

/** The rights on each stack by the conditions of a role's grants, worked out once, and by the limits of tokens. */
export class Conditions {
  readonly #known = new WeakMap<object, Int32Array>();
  readonly #indexOf: ReadonlyMap<string, number>;
  #limit: { rules: StackRule[]; masks: Int32Array } | undefined;

  readonly #stacks: Stack[];

  constructor(stacks: Stack[]) {
    this.#stacks = stacks;
    this.#indexOf = new Map(stacks.map(({ stackId }, index) => [stackId, index]));
  }

  /**
   * The rights that the limit of a token leaves on each stack. Only the latest is remembered: the limit is often the same before and after.
   */
  limitOf(rules: StackRule[]): Int32Array {
    if (this.#limit?.rules === rules) return this.#limit.masks;
    const accessOn = accessBy(rules);
    const masks = Int32Array.from(this.#stacks, ({ project, name }) => left[accessOn(project, name)]);
    this.#limit = { rules, masks };
    return masks;
  }

  indexOf(stackId: string): number | undefined {
    return this.#indexOf.get(stackId);
  }

  of(grant: { scopes: string[]; rules: Rule[] | null }): Int32Array {
    const known = this.#known.get(grant);
    if (known) return known;
    const masks = new Int32Array(this.#stacks.length);
    const mask = maskOf((permission) => scopesGive(grant.scopes, permission));
    for (const rule of mask === 0 ? [] : (grant.rules ?? [])) {
      const [atom] = rule;
      // A role may name thousands of stacks, each by its id.
      if (rule.length === 1 && atom!.is === "stack" && !atom!.not) {
        const index = this.#indexOf.get(atom!.id);
        if (index !== undefined) masks[index] = mask;
      } else this.#stacks.forEach((stack, index) => holds(rule, stack) && (masks[index] = mask));
    }
    this.#known.set(grant, masks);
    return masks;
  }
}

/** The rights of subjects by one state of the tables. */
export class RightsOf {
  readonly #organization: Tables["organizations"] extends Map<string, infer R> ? R : never;
  readonly #teamsOfUser = new Map<string, string[]>();
  readonly #rolesOfTeam = new Map<string, string[]>();
  readonly #administered = new Map<string, string[]>();
  readonly #grants = new Map<string, [index: number, mask: number][]>();
  readonly #known = new Map<string, ReadonlySet<OrgPermission>>();

  readonly #tables: Tables;
  readonly #place: Place;
  readonly #conditions: Conditions;

  constructor(tables: Tables, place: Place, conditions: Conditions) {
    this.#tables = tables;
    this.#place = place;
    this.#conditions = conditions;
    const { org, settings } = place;
    this.#organization = tables.organizations.get(org.id) ?? { id: org.id, defaultRoleId: null, ...settings };
    for (const { teamId, userId, role } of tables.teamMembers.values()) {
      push(this.#teamsOfUser, userId, teamId);
      if (role === "admin") push(this.#administered, userId, teamId);
    }
    for (const { teamId, roleId } of tables.teamRoles.values()) push(this.#rolesOfTeam, teamId, roleId);
    const toggles = { settings: this.#settings() };
    for (const { stackId, granteeKind, granteeId, permission } of tables.stackGrants.values()) {
      const index = conditions.indexOf(stackId);
      const rights = rightsOfGrant(permission).filter((right) => mayByToggle(toggles, right));
      if (index !== undefined) push(this.#grants, `${granteeKind} ${granteeId}`, [index, maskOf((right) => rights.includes(right))]);
    }
  }

  /** The rights on the whole organization: rights on stacks apply to each stack, also to a later one. */
  onOrganization(subject: Subject): ReadonlySet<OrgPermission> {
    const holder = this.#holder(subject);
    if (!holder) return new Set();
    const known = this.#known.get(holder.profile);
    if (known) return known;
    const { actor, membership } = holder;
    const rights = orgPermissions.filter((permission) =>
      // A list is open to everyone who may have a stack in it.
      permission === "stack:list"
        ? mayAs(membership, permission) && actor.limits.stackRules === null
        : decide(actor, permission, this.#place.org.name, this.#place.circumstances) === "allowed",
    );
    const set = new Set(rights);
    this.#known.set(holder.profile, set);
    return set;
  }

  /** The names of the teams that a person administers. */
  administers({ kind, id }: Subject): ReadonlySet<string> {
    const { members, teams } = this.#tables;
    const own = kind === "person" && members.has(id) ? (this.#administered.get(id) ?? []) : [];
    return new Set(own.flatMap((team) => teams.get(team)?.name ?? []));
  }

  /** Writes the rights on each stack into `masks`. */
  onStacks(subject: Subject, masks: Int32Array): void {
    const holder = this.#holder(subject);
    if (!holder) return void masks.fill(0);
    const { actor, membership, grantees } = holder;
    masks.fill(maskOf((permission) => mayAs(membership, permission)));
    for (const grant of customGrants(membership)) {
      if (grant.rules === null) continue;
      const more = this.#conditions.of(grant);
      for (let index = 0; index < masks.length; index++) masks[index]! |= more[index]!;
    }
    for (const grantee of grantees) for (const [index, mask] of this.#grants.get(grantee) ?? []) masks[index]! |= mask;
    if (actor.kind !== "user") for (let index = 0; index < masks.length; index++) masks[index]! &= ofMachines;
    const { stackRules } = actor.limits;
    if (stackRules === null) return;
    const limit = this.#conditions.limitOf(stackRules);
    for (let index = 0; index < masks.length; index++) masks[index]! &= limit[index]!;
  }

  #holder({ kind, id }: Subject): Holder | undefined {
    switch (kind) {
      case "person": {
        const row = this.#tables.members.get(id);
        if (!row) return undefined;
        const roleId = row.roleId ?? (row.role === "member" ? this.#organization.defaultRoleId : null);
        return this.#made("user", row.role, roleId, this.#teamsOfUser.get(id) ?? [], null, [`user ${id}`]);
      }
      case "team": {
        // A team gives its roles and grants alone. A deleted one gives nothing.
        const holder = this.#made("user", "member", null, this.#tables.teams.has(id) ? [id] : [], null, []);
        const membership = { ...holder.membership, custom: { id: "", name: "", grants: [] } };
        return { ...holder, ...actorOf("user", membership, null), profile: `team ${holder.profile}` };
      }
      default: {
        const row = this.#tables.accessTokens.get(id);
        // A row of a new token lacks the columns that have a default.
        if (!row || (row.deletedAt ?? null) !== null) return undefined;
        const teams = row.teamId ? [row.teamId] : [];
        const grantees = kind === "team-token" ? [] : [`token ${row.familyId ?? row.id}`];
        return this.#made(kind === "team-token" ? "team" : "organization", row.role, row.roleId, teams, row.stackRules, grantees);
      }
    }
  }

  #made(
    kind: Actor["kind"],
    role: ActorMembership["role"],
    roleId: string | null,
    teams: string[],
    stackRules: StackRule[] | null,
    grantees: string[],
  ): Holder {
    const { customRoles } = this.#tables;
    const custom = roleId === null ? undefined : customRoles.get(roleId);
    const ofTeams = [...new Set(teams.flatMap((team) => this.#rolesOfTeam.get(team) ?? []))].toSorted();
    const membership: ActorMembership = {
      org: this.#place.org,
      settings: this.#settings(),
      role,
      custom: custom ? { id: custom.id, name: "", grants: custom.grants } : null,
      ofTeams: ofTeams.flatMap((team) => customRoles.get(team)?.grants ?? []),
      hasStackGrants: true,
    };
    return {
      ...actorOf(kind, membership, stackRules),
      grantees: [...grantees, ...teams.map((team) => `team ${team}`)],
      profile: JSON.stringify([kind, role, custom?.id, ofTeams, stackRules !== null]),
    };
  }

  #settings(): OrgSettings {
    const { id: _, defaultRoleId: __, ...toggles } = this.#organization;
    // Networks and the policy on expiry depend on the single call.
    return { ...this.#place.settings, ...toggles, maxTokenExpiryDays: null, ssoRequired: "off", allowedCidrs: [], allowedCountries: [] };
  }
}

interface Holder {
  actor: Actor;
  membership: ActorMembership;
  /** The subjects whose grants on stacks this holder has. */
  grantees: string[];
  /** Two holders with one profile have the same rights on the whole organization. */
  profile: string;
}

function actorOf(kind: Actor["kind"], membership: ActorMembership, stackRules: StackRule[] | null): Pick<Holder, "actor" | "membership"> {
  const common = {
    token: { id: "", name: "", hash: "" },
    limits: {
      version: 0,
      expiresAt: null,
      isExempt: true,
      isSession: false,
      isExchanged: false,
      onlyOrgId: null,
      stackRules,
      allowedCidrs: [],
      allowedCountries: [],
      retiresAt: null,
      successor: "",
    },
  };
  if (kind !== "user") return { membership, actor: { ...common, ...membership, kind, team: "" } };
  const user = { id: "", login: "", name: "", email: "" };
  return {
    membership,
    actor: {
      ...common,
      kind,
      user,
      memberships: [
        {
          ...membership,
          role: membership.role as "member",
          isEmergency: false,
          ssoProofAt: null,
          isAccepted: true,
          addedBy: "",
          access: "",
        },
      ],
    },
  };
}

/** The rights that the limit of a token leaves on a stack. */
const left: Record<Access, number> = {
  none: 0,
  read: maskOf((permission) => leftByRule("read", permission)),
  preview: maskOf((permission) => leftByRule("preview", permission)),
  write: all,
};

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

import type { OrgPermission } from "../access/permissions.ts";
import { type Place, type RightsOf, type Subject, rightsIn } from "./rights.ts";
import type { Sight } from "./sight.ts";
import type { Tables } from "./tables.ts";

/** Maximum number of subjects that an answer names, and of stacks that it names for each subject. */
const MOST_NAMED = 100;
const MOST_STACKS_NAMED = 10;

/** The rights that one subject gains, or loses. */
export interface Change {
  subject: Subject;
  /** On the whole organization. A right on stacks applies to each stack, also to those that are created later. */
  organization: OrgPermission[];
  /** On existing stacks. */
  stacks: { count: number; permissions: OrgPermission[]; first: string[] };
  /** Names of the teams of which a person becomes an administrator, or no longer is one. */
  teams: string[];
}

export interface Changes {
  count: number;
  first: Change[];
}

/** Everyone in the tables before or after, by kind and name. */
export function subjectsOf(...both: Tables[]): Subject[] {
  const found = new Map<string, Subject>();
  const add = (subject: Subject) => found.set(`${subject.kind} ${subject.id}`, subject);
  for (const { members, teams, accessTokens } of both) {
    for (const { userId, login } of members.values()) add({ kind: "person", id: userId, name: login });
    for (const { id, name } of teams.values()) add({ kind: "team", id, name });
    for (const { id, name, kind } of accessTokens.values()) add({ kind: kind === "team" ? "team-token" : "organization-token", id, name });
  }
  return [...found.values()];
}

/**
 * The rights that each subject gains and loses from one state to the other. Pure.
 * @param sight the parts that the caller may read. A subject that changes only in other parts is neither named nor counted
 */
export function difference(
  subjects: Subject[],
  before: RightsOf,
  after: RightsOf,
  { stacks }: Place,
  sight: Sight,
): { gains: Changes; loses: Changes } {
  const old = new Int32Array(stacks.length);
  const now = new Int32Array(stacks.length);
  const gains: Changes = { count: 0, first: [] };
  const loses: Changes = { count: 0, first: [] };
  for (const subject of subjects) {
    before.onStacks(subject, old);
    after.onStacks(subject, now);
    const more = new OnStacks();
    const less = new OnStacks();
    for (let index = 0; index < old.length; index++) {
      const [was, is] = [old[index]!, now[index]!];
      if (was === is) continue;
      more.add(is & ~was, stacks[index]!);
      less.add(was & ~is, stacks[index]!);
    }
    const [had, has] = [before, after].map((rights) => (sight.organization ? rights.onOrganization(subject) : new Set<OrgPermission>()));
    const [ran, runs] = [before, after].map((rights) => (sight.teams ? rights.administers(subject) : new Set<string>()));
    note(gains, { subject, organization: beyond(has!, had!), stacks: more.shown(), teams: beyond(runs!, ran!) });
    note(loses, { subject, organization: beyond(had!, has!), stacks: less.shown(), teams: beyond(ran!, runs!) });
  }
  return { gains, loses };
}

const beyond = <T>(these: ReadonlySet<T>, those: ReadonlySet<T>): T[] => [...these].filter((one) => !those.has(one));

/** Counts the stacks on which a subject gains, or loses, some rights. */
class OnStacks {
  #count = 0;
  #mask = 0;
  readonly #first: string[] = [];

  add(mask: number, { project, name }: Place["stacks"][number]): void {
    if (mask === 0) return;
    this.#mask |= mask;
    if (this.#count++ < MOST_STACKS_NAMED) this.#first.push(`${project}/${name}`);
  }

  shown(): Change["stacks"] {
    return { count: this.#count, permissions: rightsIn(this.#mask), first: this.#first };
  }
}

function note(changes: Changes, change: Change): void {
  if (change.organization.length === 0 && change.stacks.count === 0 && change.teams.length === 0) return;
  changes.count++;
  if (changes.first.length < MOST_NAMED) changes.first.push(change);
}

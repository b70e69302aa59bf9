import type { OrgPermission } from "../access/permissions.ts";
import { type Place, type RightsOf, type Subject, rightsIn } from "./rights.ts";
import type { Tables } from "./tables.ts";

/** Subjects that an answer names, and stacks that it names of each. */
const MOST_NAMED = 100;
const MOST_STACKS_NAMED = 10;

/** The rights that one subject gains, or loses. */
export interface Change {
  subject: Subject;
  /** On the whole organization. A right on stacks applies to each stack, also to those that are created later. */
  organization: OrgPermission[];
  /** On existing stacks. */
  stacks: { count: number; permissions: OrgPermission[]; first: string[] };
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

/** What each subject gains and loses from one state to the other. Pure. */
export function difference(subjects: Subject[], before: RightsOf, after: RightsOf, { stacks }: Place): { gains: Changes; loses: Changes } {
  const masks = { before: new Int32Array(stacks.length), after: new Int32Array(stacks.length) };
  const gains: Changes = { count: 0, first: [] };
  const loses: Changes = { count: 0, first: [] };
  for (const subject of subjects) {
    const organization = { before: before.onOrganization(subject), after: after.onOrganization(subject) };
    before.onStacks(subject, masks.before);
    after.onStacks(subject, masks.after);
    const moreIn = (from: "before" | "after", to: "before" | "after"): Omit<Change, "subject"> => {
      const rights = [...organization[to]].filter((permission) => !organization[from].has(permission));
      const first: string[] = [];
      let [count, union] = [0, 0];
      for (let index = 0; index < stacks.length; index++) {
        const more = masks[to][index]! & ~masks[from][index]!;
        if (more === 0) continue;
        union |= more;
        if (count++ < MOST_STACKS_NAMED) first.push(`${stacks[index]!.project}/${stacks[index]!.name}`);
      }
      return { organization: rights, stacks: { count, permissions: rightsIn(union), first } };
    };
    note(gains, { subject, ...moreIn("before", "after") });
    note(loses, { subject, ...moreIn("after", "before") });
  }
  return { gains, loses };
}

function note(changes: Changes, change: Change): void {
  if (change.organization.length === 0 && change.stacks.count === 0) return;
  changes.count++;
  if (changes.first.length < MOST_NAMED) changes.first.push(change);
}

/** The limit to stacks that a token needs for what it did. Pure. */
import { type StackRule, stackAccesses } from "../tokens/table.ts";

/** A stack that a token used, and the access that it needed. */
export interface TouchedStack {
  project: string;
  stack: string;
  access: StackRule["access"];
}

const wider = (one: StackRule["access"], other: StackRule["access"]) =>
  stackAccesses.indexOf(one) > stackAccesses.indexOf(other) ? one : other;

const idOf = ({ project, stack }: { project: string; stack: string }) => `${project}/${stack}`.toLowerCase();

/**
 * The fewest rules that allow each touched stack with its access, and no other stack that exists. A rule is the name of a stack, or all
 * stacks of a project if the token touched all of them that exist. With as many rules, names come first: they do not allow later stacks.
 * @param existing all stacks of the organization @returns rules by project and name
 */
export function patternsFor(touched: TouchedStack[], existing: { project: string; stack: string }[]): StackRule[] {
  const needed = new Map<string, TouchedStack>();
  for (const one of touched) {
    const known = needed.get(idOf(one));
    needed.set(idOf(one), known ? { ...known, access: wider(known.access, one.access) } : one);
  }
  const openProjects = new Set(existing.filter((stack) => !needed.has(idOf(stack))).map(({ project }) => project.toLowerCase()));
  const projects = Map.groupBy(needed.values(), ({ project }) => project.toLowerCase());
  return [...projects]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([project, stacks]) => {
      const names: StackRule[] = stacks
        .toSorted((a, b) => (a.stack < b.stack ? -1 : 1))
        .map(({ project: of, stack, access }) => ({ project: of, stack, access }));
      if (openProjects.has(project)) return names;
      const least = stackAccesses.find((access) => names.some((rule) => rule.access === access))!;
      const all = [{ project: names[0]!.project, stack: "*", access: least }, ...names.filter(({ access }) => access !== least)];
      return all.length < names.length ? all : names;
    });
}

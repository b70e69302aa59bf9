/**
 * The condition of a custom role on a stack, in a form that JavaScript (`holds`) and SQL (`isGranted`) evaluate in the same way: rules that are
 * joined by OR. Each rule is a list of atoms that are joined by AND (management-api §7.3). Pure.
 */

/** A statement about a stack. With `not` it must be false. A tag that the stack does not have equals nothing. */
export type Atom = { not?: true } & (
  | { is: "stack"; id: string }
  | { is: "tag"; key: string; value: string }
  | { is: "hasTag"; key: string }
  | { is: "sameTags"; key: string; other: string }
);

/** All atoms must hold. An empty rule holds for every stack. */
export type Rule = Atom[];

/** The facts about a stack that a condition can depend on. */
export interface StackFacts {
  stackId: string;
  tags: Readonly<Record<string, string>>;
}

export const holds = (rule: Rule, facts: StackFacts): boolean => rule.every((atom) => isTrue(atom, facts) !== (atom.not ?? false));

function isTrue(atom: Atom, { stackId, tags }: StackFacts): boolean {
  const tag = (key: string) => (Object.hasOwn(tags, key) ? tags[key] : undefined);
  switch (atom.is) {
    case "stack":
      return atom.id === stackId;
    case "tag":
      return tag(atom.key) === atom.value;
    case "hasTag":
      return tag(atom.key) !== undefined;
    case "sameTags":
      return tag(atom.key) !== undefined && tag(atom.key) === tag(atom.other);
  }
}

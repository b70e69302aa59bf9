/** Combines the conditions of a role while the role is read, and converts them into rules (rules.ts). Pure. */
import type { Atom, Rule } from "./rules.ts";

/**
 * `"always"` and `"never"` depend on no stack: only `"always"` gives rights on the organization itself. A condition that asks about a stack
 * gives rights on stacks only, even when it is true of each of them.
 */
export type Formula = "always" | "never" | Atom | { all: Formula[] } | { any: Formula[] };

/** True of each stack, and not of the organization. */
export const EACH_STACK: Formula = { all: [] };
/** True of no stack. Its negation is true of every stack, while the negation of `"never"` is true of the organization too. */
export const NO_STACK: Formula = { any: [] };

export function all(parts: Formula[]): Formula {
  if (parts.includes("never")) return "never";
  const rest = parts.filter((part) => part !== "always");
  return rest.length === 0 ? "always" : rest.length === 1 ? rest[0]! : { all: rest };
}

export function any(parts: Formula[]): Formula {
  if (parts.includes("always")) return "always";
  const rest = parts.filter((part) => part !== "never");
  return rest.length === 0 ? "never" : rest.length === 1 ? rest[0]! : { any: rest };
}

export function not(formula: Formula): Formula {
  if (formula === "always") return "never";
  if (formula === "never") return "always";
  if ("all" in formula) return formula.all.length === 0 ? NO_STACK : any(formula.all.map(not));
  if ("any" in formula) return formula.any.length === 0 ? EACH_STACK : all(formula.any.map(not));
  const { not: wasNot, ...atom } = formula;
  return wasNot ? atom : { ...atom, not: true };
}

/** True if both conditions are true, or both are false. @throws TooComplex for long conditions, because each of them is written twice */
export function same(left: Formula, right: Formula): Formula {
  if (sizeOf(left) + sizeOf(right) > MAX_COMPARED) throw new TooComplex();
  return any([all([left, right]), all([not(left), not(right)])]);
}

const sizeOf = (formula: Formula): number => {
  if (typeof formula === "string") return 1;
  const parts = "all" in formula ? formula.all : "any" in formula ? formula.any : [];
  return parts.reduce((sum, part) => sum + sizeOf(part), 1);
};

/** Maximum number of parts of two conditions that are compared with each other. */
const MAX_COMPARED = 1000;
/** Maximum number of atoms in all rules of a role: a list evaluates each of them for each stack. */
export const MAX_ATOMS = 10_000;
/**
 * Maximum number of comparisons of atoms while the rules of a role are computed. Contradictory conditions take time too, although no rule
 * is left of them.
 */
const MAX_WORK = 2_000_000;

export class TooComplex extends Error {}

/** Computes the rules of the conditions of one role, and keeps the results. */
export class RuleWriter {
  readonly #known = new WeakMap<object, Rule[]>();
  #work = 0;

  /** The rules of a condition that asks about a stack. @throws TooComplex */
  toRules(formula: Exclude<Formula, "always" | "never">): Rule[] {
    const known = this.#known.get(formula);
    if (known) return known;
    const rules = this.#toRules(formula);
    this.#known.set(formula, rules);
    return rules;
  }

  #toRules(formula: Exclude<Formula, "always" | "never">): Rule[] {
    // `all` and `any` contain no constants, because both functions remove them.
    const rulesOf = (part: Formula) => this.toRules(part as Exclude<Formula, "always" | "never">);
    if ("any" in formula) return bounded(formula.any.flatMap(rulesOf));
    if (!("all" in formula)) return [[formula]];
    let rules: Rule[] = [[]];
    for (const part of formula.all) {
      const more = rulesOf(part);
      rules = bounded(rules.flatMap((rule) => more.map((other) => this.#join(rule, other)).filter((one) => one !== undefined)));
    }
    return rules;
  }

  /** Joins two rules without repetitions; undefined if an atom would have to be both true and false. */
  #join(left: Rule, right: Rule): Rule | undefined {
    this.#work += 1 + left.length * right.length;
    if (this.#work > MAX_WORK) throw new TooComplex();
    const joined = [...left];
    for (const atom of right) {
      const equal = left.find((one) => asksTheSame(one, atom));
      if (!equal) joined.push(atom);
      else if (equal.not !== atom.not) return undefined;
    }
    return joined;
  }
}

function bounded(rules: Rule[]): Rule[] {
  if (rules.reduce((sum, rule) => sum + rule.length + 1, 0) > MAX_ATOMS) throw new TooComplex();
  return rules;
}

function asksTheSame(left: Atom, right: Atom): boolean {
  if (left.is === "stack") return right.is === "stack" && left.id === right.id;
  if (left.is === "tag") return right.is === "tag" && left.key === right.key && left.value === right.value;
  if (left.is === "hasTag") return right.is === "hasTag" && left.key === right.key;
  return right.is === "sameTags" && left.key === right.key && left.other === right.other;
}

/**
 * Reads the tree of permission descriptors of a custom role or permission set (management-api §7.3), and returns what it grants. The tree itself
 * is stored word for word. Pure.
 *
 * A condition can ask about stacks only. A condition about an environment, an account or a team grants nothing, also under `Not`, because we do
 * not know whether it is true.
 */
import { EACH_STACK, type Formula, MAX_ATOMS, NO_STACK, RuleWriter, TooComplex, all, any, not, same } from "./formula.ts";
import type { Rule } from "./rules.ts";

/** Maximum number of levels of a tree, of entries of one list, and of characters of the tree's JSON (management-api §7.2). */
export const MAX_DEPTH = 64;
export const MAX_ENTRIES = 2000;
export const MAX_DETAILS = 1_000_000;
const MAX_TEXT = 1000;

/** Scopes as the tree names them; some of them may be unknown here. */
export interface ScopeGrant {
  scopes: string[];
  /** Null: the scopes are granted on the organization and on every stack. Otherwise only on stacks for which one of the rules is true. */
  rules: Rule[] | null;
}

/** The tree cannot be read. The message is for the client. */
export class DescriptorFault extends Error {}

/** The grants of another record by its id; undefined for an id that this organization does not have. */
export type Composed = (id: string) => ScopeGrant[] | undefined;

/** @throws DescriptorFault */
export function readDescriptor(details: unknown, composed: Composed): ScopeGrant[] {
  const grants = new Grants();
  try {
    readNode(details, "always", 1, { composed, grants });
    return grants.list();
  } catch (error) {
    if (error instanceof TooComplex) throw new DescriptorFault("the conditions of this role are too complex: write fewer alternatives");
    throw error;
  }
}

/** Ids of the records that a tree includes, each once. @throws DescriptorFault for a tree that cannot be read */
export function composedIds(details: unknown): string[] {
  const ids = new Set<string>();
  readDescriptor(details, (id) => {
    ids.add(id);
    return [];
  });
  return [...ids];
}

/** Joins grants with the same scopes, and grants with the same condition. */
class Grants {
  readonly #writer = new RuleWriter();
  readonly #everywhere = new Set<string>();
  readonly #onStacks = new Map<Rule[], Set<string>>();
  #atoms = 0;

  add(scopes: string[], when: Formula): void {
    if (scopes.length === 0 || when === "never") return;
    if (when === "always") return scopes.forEach((scope) => this.#everywhere.add(scope));
    const rules = this.#writer.toRules(when);
    const known = this.#onStacks.get(rules);
    if (known) return scopes.forEach((scope) => known.add(scope));
    this.#atoms += rules.reduce((sum, rule) => sum + rule.length + 1, 0);
    if (this.#atoms > MAX_ATOMS) throw new TooComplex();
    if (rules.length > 0) this.#onStacks.set(rules, new Set(scopes));
  }

  list(): ScopeGrant[] {
    const byScopes = new Map<string, { scopes: string[]; rules: Rule[] }>();
    for (const [rules, names] of this.#onStacks) {
      const scopes = [...names].toSorted();
      const known = byScopes.get(scopes.join(" "));
      if (known) known.rules.push(...rules);
      else byScopes.set(scopes.join(" "), { scopes, rules: [...rules] });
    }
    const everywhere = this.#everywhere.size > 0 ? [{ scopes: [...this.#everywhere].toSorted(), rules: null }] : [];
    return [...everywhere, ...byScopes.values()];
  }
}

interface Reading {
  composed: Composed;
  grants: Grants;
}

type Members = Record<string, unknown>;

/** @param when the condition under which the node counts; `"never"` for a part that is only validated */
function readNode(node: unknown, when: Formula, depth: number, reading: Reading): void {
  const { type, members } = typed(node, depth, "a permission descriptor");
  const under = (child: unknown, condition: Formula | undefined) =>
    readNode(child, condition === undefined ? "never" : all([when, condition]), depth + 1, reading);
  switch (type) {
    case "PermissionDescriptorAllow":
      return reading.grants.add(texts(members, "permissions"), when);
    case "PermissionDescriptorGroup":
      for (const entry of listIn(members, "entries")) readNode(entry, when, depth + 1, reading);
      return;
    case "PermissionDescriptorCompose":
      for (const id of texts(members, "permissionDescriptors")) {
        const included = reading.composed(id);
        if (!included) throw new DescriptorFault(`'${id.slice(0, 100)}' is not a role or permission set of this organization`);
        for (const { scopes, rules } of included) reading.grants.add(scopes, rules === null ? when : all([when, ofRules(rules)]));
      }
      return;
    case "PermissionDescriptorCondition":
      return under(members["subNode"], condition(members["condition"], depth + 1));
    case "PermissionDescriptorIfThenElse": {
      const test = condition(members["condition"], depth + 1);
      under(members["subNodeForTrue"], test);
      under(members["subNodeForFalse"], test && not(test));
      return;
    }
    case "PermissionDescriptorSelect":
      return select(members, when, depth, reading);
    default:
      throw new DescriptorFault(`'${type.slice(0, 100)}' is not a kind of permission descriptor`);
  }
}

const ofRules = (rules: Rule[]): Formula => ({ any: rules.map((rule) => ({ all: rule })) });

/**
 * Reads a selection: the first option whose value equals the selector applies. If one of the values is unknown, the selection grants
 * nothing.
 */
function select(members: Members, when: Formula, depth: number, reading: Reading): void {
  const selector = valueOf(members["selector"], depth + 1);
  const options = listIn(members, "options").map((option) => {
    if (!isObject(option)) throw new DescriptorFault("an option of PermissionDescriptorSelect is an object with value and node");
    return { value: valueOf(option["value"], depth + 1), node: option["node"] };
  });
  const isKnown = selector.kind !== "unknown" && options.every(({ value }) => value.kind !== "unknown");
  const seen = new Set<string>();
  const before: Formula[] = [];
  for (const { value, node } of options) {
    const matches = isKnown ? equal(selector, value) : "never";
    const literal = value.kind === "literal" || value.kind === "stackId" ? JSON.stringify(value) : undefined;
    // Two different literals cannot both match, so the condition of an option need not exclude the options before it.
    const earlier = literal === undefined || before.length > seen.size ? before.map(not) : [];
    const isRepeated = literal !== undefined && seen.has(literal);
    readNode(node, isRepeated ? "never" : all([when, matches, ...earlier]), depth + 1, reading);
    if (isRepeated) continue;
    before.push(matches);
    if (literal !== undefined) seen.add(literal);
  }
}

/** The value of an expression. Stacks are compared by id. */
type Value =
  | { kind: "unknown" }
  | { kind: "stack" }
  | { kind: "stackId"; id: string }
  | { kind: "tag"; key: string }
  | { kind: "literal"; value: string | number | boolean }
  | { kind: "formula"; formula: Formula };

/** Reads a condition; undefined if its value is unknown. @throws DescriptorFault for an expression that is not boolean */
function condition(expression: unknown, depth: number): Formula | undefined {
  const value = valueOf(expression, depth);
  if (value.kind === "unknown") return undefined;
  const formula = asFormula(value);
  if (!formula) throw new DescriptorFault("a condition must be an expression that is true or false");
  return formula;
}

function asFormula(value: Value): Formula | undefined {
  if (value.kind === "formula") return value.formula;
  if (value.kind === "literal" && typeof value.value === "boolean") return value.value ? "always" : "never";
  return undefined;
}

function valueOf(expression: unknown, depth: number): Value {
  const { type, members } = typed(expression, depth, "a permission expression");
  const part = (name: string) => valueOf(members[name], depth + 1);
  const formula = (parts: (Formula | undefined)[], made: (known: Formula[]) => Formula): Value =>
    parts.every((one) => one !== undefined) ? { kind: "formula", formula: made(parts) } : { kind: "unknown" };
  switch (type) {
    case "PermissionExpressionAnd":
      return formula([condition(members["left"], depth + 1), condition(members["right"], depth + 1)], all);
    case "PermissionExpressionOr":
      return formula([condition(members["left"], depth + 1), condition(members["right"], depth + 1)], any);
    case "PermissionExpressionNot":
      return formula([condition(members["node"], depth + 1)], ([one]) => not(one!));
    case "PermissionExpressionEqual": {
      const [left, right] = [part("left"), part("right")];
      if (left.kind === "unknown" || right.kind === "unknown") return { kind: "unknown" };
      return { kind: "formula", formula: equal(left, right) };
    }
    case "PermissionExpressionTag":
    case "PermissionExpressionHasTag": {
      const context = part("context");
      const key = textIn(members, "key");
      if (context.kind === "unknown") return context;
      if (context.kind !== "stack")
        throw new DescriptorFault(`the context of ${type} must be a stack, an environment, an account or a team`);
      return type === "PermissionExpressionTag" ? { kind: "tag", key } : { kind: "formula", formula: { is: "hasTag", key } };
    }
    case "PermissionExpressionStack":
      return { kind: "stack" };
    case "PermissionLiteralExpressionStack":
      return { kind: "stackId", id: textIn(members, "identity") };
    case "PermissionLiteralExpressionString":
      return { kind: "literal", value: textIn(members, "value") };
    case "PermissionLiteralExpressionBool":
    case "PermissionLiteralExpressionNumber": {
      const { value } = members;
      if (typeof value !== (type === "PermissionLiteralExpressionBool" ? "boolean" : "number"))
        throw new DescriptorFault(`the value of ${type} has another type`);
      return { kind: "literal", value: value as number | boolean };
    }
    case "PermissionExpressionEnvironment":
    case "PermissionExpressionInsightsAccount":
    case "PermissionExpressionTeam":
    case "PermissionLiteralExpressionEnvironment":
    case "PermissionLiteralExpressionInsightsAccount":
    case "PermissionLiteralExpressionTeam":
      return { kind: "unknown" };
    default:
      throw new DescriptorFault(`'${type.slice(0, 100)}' is not a kind of permission expression`);
  }
}

/** Values of different kinds are not equal; a tag that a stack does not have equals nothing. */
function equal(left: Value, right: Value): Formula {
  const [a, b] = [asFormula(left), asFormula(right)];
  if (a !== undefined && b !== undefined) return same(a, b);
  if (left.kind === "literal" && right.kind === "literal") return left.value === right.value ? "always" : "never";
  if (left.kind === "stackId" && right.kind === "stackId") return left.id === right.id ? "always" : "never";
  if (left.kind === "stack" && right.kind === "stack") return EACH_STACK;
  if (left.kind === "stack" && right.kind === "stackId") return { is: "stack", id: right.id };
  if (left.kind === "tag" && right.kind === "tag")
    return left.key === right.key ? { is: "hasTag", key: left.key } : { is: "sameTags", key: left.key, other: right.key };
  if (left.kind === "tag" && right.kind === "literal")
    return typeof right.value === "string" ? { is: "tag", key: left.key, value: right.value } : NO_STACK;
  if (swaps(left, right)) return equal(right, left);
  // Values of two kinds are not equal. If one of them is a property of a stack, the result must depend on a stack even under `Not`:
  // `NO_STACK`.
  return [left, right].some(({ kind }) => kind === "stack" || kind === "tag") ? NO_STACK : "never";
}

const swaps = (left: Value, right: Value) =>
  (left.kind === "stackId" && right.kind === "stack") || (left.kind === "literal" && right.kind === "tag");

const isObject = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

function typed(value: unknown, depth: number, what: string): { type: string; members: Members } {
  if (depth > MAX_DEPTH) throw new DescriptorFault(`the tree of a role has at most ${MAX_DEPTH} levels`);
  const type = isObject(value) && value["__type"];
  if (typeof type !== "string") throw new DescriptorFault(`${what} is an object with the member __type`);
  return { type, members: value as Members };
}

function listIn(members: Members, name: string): unknown[] {
  const value = members[name] ?? [];
  if (!Array.isArray(value)) throw new DescriptorFault(`${name} must be a list`);
  if (value.length > MAX_ENTRIES) throw new DescriptorFault(`${name} has at most ${MAX_ENTRIES} entries`);
  return value as unknown[];
}

function texts(members: Members, name: string): string[] {
  const list = listIn(members, name);
  if (!list.every((one) => typeof one === "string" && one.length <= MAX_TEXT))
    throw new DescriptorFault(`${name} must be a list of texts of at most ${MAX_TEXT} characters`);
  return list as string[];
}

function textIn(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== "string" || value.length > MAX_TEXT)
    throw new DescriptorFault(`${name} must be a text of at most ${MAX_TEXT} characters`);
  return value;
}

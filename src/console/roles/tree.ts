/**
 * The trees of permission descriptors that the form of a role can express, and their parts in the form. The form writes a right on the
 * organization, and rights on all stacks, on stacks with a tag, or on named stacks. Other trees are edited as JSON. Pure.
 */
import { wordsOf } from "../../roles/scopes.ts";

/** Stacks for which a part of a role counts. */
export type Where = { on: "all" } | { on: "tag"; key: string; value: string } | { on: "stacks"; ids: string[] };

/** A permission set and single scopes; "" for no set. */
export interface Chosen {
  set: string;
  scopes: string[];
}

export interface SimpleRole {
  organization: Chosen;
  stacks: (Chosen & { where: Where })[];
}

/** Maximum number of parts on stacks that the form shows. */
export const MOST_PARTS = 6;
/** Maximum number of named stacks of one part. */
export const MOST_STACKS = 200;

type Node = Record<string, unknown>;
/** The id of a permission set, and what it is about; undefined for an id that the form does not offer. */
export type AboutSet = (id: string) => "organization" | "stack" | undefined;

/** The parts of a tree. @returns undefined for a tree that the form cannot express */
export function readTree(details: unknown, about: AboutSet): SimpleRole | undefined {
  const nodes = entriesOf(details);
  if (!nodes) return undefined;
  const everywhere = chosenIn(
    nodes.filter((node) => node["__type"] !== "PermissionDescriptorCondition"),
    about,
  );
  if (!everywhere) return undefined;
  const onAll = everywhere.stack;
  const role: SimpleRole = {
    organization: everywhere.organization,
    stacks: onAll.set || onAll.scopes.length > 0 ? [{ ...onAll, where: { on: "all" } }] : [],
  };
  for (const node of nodes.filter((one) => one["__type"] === "PermissionDescriptorCondition")) {
    const inner = entriesOf(node["subNode"]);
    const where = hasOnly(node, "condition", "subNode") ? whereOf(node["condition"]) : undefined;
    const chosen = inner && chosenIn(inner, about);
    if (!where || !chosen || chosen.organization.set || chosen.organization.scopes.length > 0) return undefined;
    role.stacks.push({ ...chosen.stack, where });
  }
  return role.stacks.length > MOST_PARTS ? undefined : role;
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);
const hasOnly = (node: Node, ...names: string[]) => Object.keys(node).every((name) => name === "__type" || names.includes(name));
const textsIn = (value: unknown): string[] | undefined =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? (value as string[]) : undefined;

/** The nodes of a tree, without its groups. */
function entriesOf(node: unknown): Node[] | undefined {
  if (!isNode(node)) return undefined;
  if (node["__type"] !== "PermissionDescriptorGroup") return [node];
  const { entries } = node;
  if (!Array.isArray(entries) || !hasOnly(node, "entries")) return undefined;
  const inner = entries.map(entriesOf);
  return inner.every((one) => one !== undefined) ? inner.flat() : undefined;
}

/** The sets and scopes of nodes without conditions, by what they are about. */
function chosenIn(nodes: Node[], about: AboutSet): Record<"organization" | "stack", Chosen> | undefined {
  const chosen = { organization: { set: "", scopes: [] as string[] }, stack: { set: "", scopes: [] as string[] } };
  for (const node of nodes) {
    if (node["__type"] === "PermissionDescriptorAllow" && hasOnly(node, "permissions")) {
      for (const scope of textsIn(node["permissions"]) ?? [""]) {
        const words = wordsOf.get(scope);
        if (!words) return undefined;
        if (!chosen[words.about].scopes.includes(scope)) chosen[words.about].scopes.push(scope);
      }
    } else if (node["__type"] === "PermissionDescriptorCompose" && hasOnly(node, "permissionDescriptors")) {
      for (const id of textsIn(node["permissionDescriptors"]) ?? [""]) {
        const kind = about(id);
        if (!kind || (chosen[kind].set !== "" && chosen[kind].set !== id)) return undefined;
        chosen[kind].set = id;
      }
    } else return undefined;
  }
  return chosen;
}

const isStack = (node: unknown) => isNode(node) && node["__type"] === "PermissionExpressionStack" && hasOnly(node);

function whereOf(condition: unknown): Where | undefined {
  const ids = stacksIn(condition);
  if (ids) return ids.length <= MOST_STACKS ? { on: "stacks", ids } : undefined;
  if (!isNode(condition) || condition["__type"] !== "PermissionExpressionEqual" || !hasOnly(condition, "left", "right")) return undefined;
  const { left, right } = condition;
  if (!isNode(left) || left["__type"] !== "PermissionExpressionTag" || !isStack(left["context"]) || !hasOnly(left, "context", "key"))
    return undefined;
  if (!isNode(right) || right["__type"] !== "PermissionLiteralExpressionString" || !hasOnly(right, "value")) return undefined;
  return typeof left["key"] === "string" && typeof right["value"] === "string"
    ? { on: "tag", key: left["key"], value: right["value"] }
    : undefined;
}

/** The ids of a condition that names stacks. */
function stacksIn(condition: unknown): string[] | undefined {
  if (!isNode(condition) || !hasOnly(condition, "left", "right")) return undefined;
  const { left, right } = condition;
  if (condition["__type"] === "PermissionExpressionOr") {
    const [first, second] = [stacksIn(left), stacksIn(right)];
    return first && second && [...first, ...second];
  }
  if (condition["__type"] !== "PermissionExpressionEqual" || !isStack(left)) return undefined;
  if (!isNode(right) || right["__type"] !== "PermissionLiteralExpressionStack" || !hasOnly(right, "identity")) return undefined;
  return typeof right["identity"] === "string" ? [right["identity"]] : undefined;
}

/** The tree of a role that the form has described. */
export function writeTree({ organization, stacks }: SimpleRole): Node {
  const entries = [
    ...nodesOf(organization),
    ...stacks.flatMap(({ where, ...chosen }) => {
      const nodes = nodesOf(chosen);
      if (where.on === "all" || nodes.length === 0) return nodes;
      return [{ __type: "PermissionDescriptorCondition", condition: conditionOf(where), subNode: joined(nodes) }];
    }),
  ];
  return entries.length === 0 ? { __type: "PermissionDescriptorAllow", permissions: [] } : joined(entries);
}

const joined = (entries: Node[]): Node => (entries.length === 1 ? entries[0]! : { __type: "PermissionDescriptorGroup", entries });

const nodesOf = ({ set, scopes }: Chosen): Node[] => [
  ...(set ? [{ __type: "PermissionDescriptorCompose", permissionDescriptors: [set] }] : []),
  ...(scopes.length > 0 ? [{ __type: "PermissionDescriptorAllow", permissions: scopes }] : []),
];

const stack: Node = { __type: "PermissionExpressionStack" };

function conditionOf(where: Exclude<Where, { on: "all" }>): Node {
  if (where.on === "stacks") return anyOf(where.ids);
  const tag = { __type: "PermissionExpressionTag", context: stack, key: where.key };
  return { __type: "PermissionExpressionEqual", left: tag, right: { __type: "PermissionLiteralExpressionString", value: where.value } };
}

/** Joins the stacks in halves, because a tree has a limit of levels. */
function anyOf(ids: string[]): Node {
  const [id = ""] = ids;
  if (ids.length <= 1)
    return { __type: "PermissionExpressionEqual", left: stack, right: { __type: "PermissionLiteralExpressionStack", identity: id } };
  const half = ids.length >> 1;
  return { __type: "PermissionExpressionOr", left: anyOf(ids.slice(0, half)), right: anyOf(ids.slice(half)) };
}

/** What a tree of descriptors means, written from management-api §7.3 without regard to speed: the other implementation of `readDescriptor`. */
import type { StackFacts } from "../../src/access/rules.ts";

export interface Tree {
  __type: string;
  [member: string]: unknown;
}

const typeOf = ({ __type: type }: Tree) => type;

/** Without a stack the question is about the organization, and a condition about a stack is unknown. */
type Facts = StackFacts | undefined;
/**
 * `unsupported` is the value of a condition about a feature that Stackpass lacks, `noStack` that of a condition about a stack when there is
 * no stack. Neither is ever true, not even under `Not`.
 */
type Value = { text: string } | { number: number } | { truth: boolean } | { stack: string } | "missing" | "unsupported" | "noStack";

/** The scopes that a tree grants on that stack, or on the organization. */
export function naiveScopes(tree: Tree, facts: Facts, records: ReadonlyMap<string, Tree> = new Map()): Set<string> {
  const scopesOf = (node: unknown) => naiveScopes(node as Tree, facts, records);
  const union = (nodes: unknown[]) => new Set(nodes.flatMap((node) => [...scopesOf(node)]));
  switch (typeOf(tree)) {
    case "PermissionDescriptorAllow":
      return new Set(tree["permissions"] as string[]);
    case "PermissionDescriptorGroup":
      return union(tree["entries"] as unknown[]);
    case "PermissionDescriptorCompose":
      return union((tree["permissionDescriptors"] as string[]).map((id) => records.get(id)!));
    case "PermissionDescriptorCondition":
      return isTrue(valueOf(tree["condition"], facts)) ? scopesOf(tree["subNode"]) : new Set();
    case "PermissionDescriptorIfThenElse": {
      const value = valueOf(tree["condition"], facts);
      if (typeof value === "string") return new Set();
      return scopesOf(isTrue(value) ? tree["subNodeForTrue"] : tree["subNodeForFalse"]);
    }
    case "PermissionDescriptorSelect": {
      const options = tree["options"] as { value: unknown; node: unknown }[];
      const selector = valueOf(tree["selector"], facts);
      const values = options.map(({ value }) => valueOf(value, facts));
      if ([selector, ...values].includes("unsupported")) return new Set();
      for (const [index, value] of values.entries()) {
        const verdict = equal(selector, value);
        if (verdict === "noStack") return new Set();
        if (isTrue(verdict)) return scopesOf(options[index]!.node);
      }
      return new Set();
    }
    default:
      throw new Error(typeOf(tree));
  }
}

const isTrue = (value: Value) => typeof value !== "string" && "truth" in value && value.truth;

function valueOf(expression: unknown, facts: Facts): Value {
  const node = expression as Tree;
  const part = (name: string) => valueOf(node[name], facts);
  const combine = (values: Value[], truth: (truths: boolean[]) => boolean): Value => {
    if (values.includes("unsupported")) return "unsupported";
    const truths = values.map(isTrue);
    // Without a stack, a part of the condition is unknown. The result may be known nevertheless.
    const both = [true, false].map((guess) => truth(values.map((value, i) => (value === "noStack" ? guess : truths[i]!))));
    return both[0] === both[1] && values.filter((value) => value === "noStack").length <= 1 ? { truth: both[0]! } : "noStack";
  };
  switch (typeOf(node)) {
    case "PermissionExpressionAnd":
      return combine([part("left"), part("right")], (truths) => truths.every(Boolean));
    case "PermissionExpressionOr":
      return combine([part("left"), part("right")], (truths) => truths.some(Boolean));
    case "PermissionExpressionNot":
      return combine([part("node")], ([truth]) => !truth);
    case "PermissionExpressionEqual":
      return equal(part("left"), part("right"));
    case "PermissionExpressionTag":
    case "PermissionExpressionHasTag": {
      if (typeOf(node["context"] as Tree) !== "PermissionExpressionStack") return "unsupported";
      if (!facts) return "noStack";
      const value = facts.tags[node["key"] as string];
      if (typeOf(node) === "PermissionExpressionHasTag") return { truth: value !== undefined };
      return value === undefined ? "missing" : { text: value };
    }
    case "PermissionExpressionStack":
      return facts ? { stack: facts.stackId } : "noStack";
    case "PermissionLiteralExpressionStack":
      return { stack: node["identity"] as string };
    case "PermissionLiteralExpressionString":
      return { text: node["value"] as string };
    case "PermissionLiteralExpressionBool":
      return { truth: node["value"] as boolean };
    case "PermissionLiteralExpressionNumber":
      return { number: node["value"] as number };
    default:
      return "unsupported";
  }
}

function equal(left: Value, right: Value): Value {
  for (const mark of ["unsupported", "noStack"] as const) if (left === mark || right === mark) return mark;
  if (left === "missing" || right === "missing") return { truth: false };
  return { truth: JSON.stringify(left) === JSON.stringify(right) };
}

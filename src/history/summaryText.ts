/** Formats the summary of an update as the CLI does at its end. Pure. */
import type { UpdateRow } from "./info.ts";

export interface TreeStep {
  /** Operation as in the engine's events, for example `create`. */
  op: string;
  urn: string;
  /** "" when there is none. */
  parent: string;
  failed: boolean;
}

/** The sign before the line of an operation, and the operation as a participle. A preview shows the operation's name instead. */
const words = new Map<string, [sign: string, done: string]>(
  Object.entries({
    create: ["+", "created"],
    update: ["~", "updated"],
    delete: ["-", "deleted"],
    replace: ["+-", "replaced"],
    "create-replacement": ["++", "created for replacement"],
    "delete-replaced": ["--", "deleted after replacement"],
    read: [">", "read"],
    "read-replacement": [">>", "read for replacement"],
    refresh: ["~", "refreshed"],
    discard: ["<", "discarded"],
    "discard-replaced": ["<<", "discarded after replacement"],
    import: ["=", "imported"],
    "import-replacement": ["=>", "imported for replacement"],
  }),
);

const wordsOf = (op: string): [sign: string, done: string] => words.get(op) ?? ["*", op];

/** Maximum number of levels of indentation; deeper resources begin at the left again. Normal programs have only a few levels. */
const DEEPEST = 50;

/** Lists the changed resources, each under its parent. @param cut whether the steps are incomplete */
export function treeText(steps: TreeStep[], cut: boolean): string {
  const byUrn = new Map<string, TreeStep>();
  for (const step of steps) if (step.op !== "same" || !byUrn.has(step.urn)) byUrn.set(step.urn, step);
  const shown = new Set<string>();
  for (const step of byUrn.values()) {
    if (step.op === "same" && !step.failed) continue;
    // Its ancestors are shown too, so that it has its place in the tree.
    for (let urn = step.urn; byUrn.has(urn) && !shown.has(urn); urn = byUrn.get(urn)!.parent) shown.add(urn);
  }
  if (shown.size === 0) return "";

  const children = new Map<string, TreeStep[]>();
  const depths = depthsOf(shown, byUrn);
  for (const urn of shown) {
    const step = byUrn.get(urn)!;
    const parent = depths.get(urn)! % DEEPEST > 0 ? step.parent : "";
    const siblings = children.get(parent);
    if (siblings) siblings.push(step);
    else children.set(parent, [step]);
  }
  const rows = [["", "Type", "Name", "Status"], ...branches(children, "", "")];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => ` ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
  return `${lines.join("\n")}\n${cut ? " …\n" : ""}\n`;
}

/** The number of ancestors of each resource. */
function depthsOf(shown: Set<string>, byUrn: Map<string, TreeStep>): Map<string, number> {
  const depths = new Map<string, number>();
  for (const start of shown) {
    const chain: string[] = [];
    let urn = start;
    for (; shown.has(urn) && !depths.has(urn); urn = byUrn.get(urn)!.parent) {
      depths.set(urn, -1);
      chain.push(urn);
    }
    let depth = depths.get(urn) ?? -1;
    for (const each of chain.toReversed()) depths.set(each, ++depth);
  }
  return depths;
}

function* branches(children: Map<string, TreeStep[]>, parent: string, indent: string): Generator<string[]> {
  const here = children.get(parent) ?? [];
  for (const [i, step] of here.entries()) {
    const last = i === here.length - 1;
    const [type = "", name = ""] = step.urn.split("::").slice(2);
    const [sign, done] = step.op === "same" ? ["", ""] : wordsOf(step.op);
    const branch = parent === "" ? "" : `${indent}${last ? "└─ " : "├─ "}`;
    yield [sign, branch + type.split("$").at(-1)!, name, step.failed ? `**${done || step.op} failed**` : done];
    yield* branches(children, step.urn, parent === "" ? "" : `${indent}${last ? "   " : "│  "}`);
  }
}

/** Counts, outcome and duration. */
export function outcomeText({ dryRun, status, resourceChanges, startedAt, endedAt }: UpdateRow): string {
  const counts = Object.entries(JSON.parse(resourceChanges ?? "{}") as Record<string, number>).filter(([, count]) => count > 0);
  const lines = counts.map(([op, count]) => {
    if (op === "same") return `    ${count} unchanged`;
    const [sign, done] = wordsOf(op);
    return `    ${sign} ${count} ${dryRun ? `to ${op}` : done}`;
  });
  const what = `${dryRun ? "Preview" : "Update"} ${status === "running" ? "in progress" : status}`;
  const took = startedAt !== null && endedAt !== null ? `\n\nDuration: ${Math.round((endedAt - startedAt) / 1000)}s` : "";
  return `${lines.length > 0 ? `Resources:\n${lines.join("\n")}\n\n` : ""}${what}${took}\n`;
}

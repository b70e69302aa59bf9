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

/** How the line of an operation begins: a sign, and a word for the operation when it is done and while it is in progress. A preview shows its name. */
const words = new Map<string, [sign: string, done: string, doing: string]>(
  Object.entries({
    create: ["+", "created", "creating"],
    update: ["~", "updated", "updating"],
    delete: ["-", "deleted", "deleting"],
    replace: ["+-", "replaced", "replacing"],
    "create-replacement": ["++", "created for replacement", "creating replacement"],
    "delete-replaced": ["--", "deleted after replacement", "deleting original"],
    read: [">", "read", "reading"],
    "read-replacement": [">>", "read for replacement", "reading for replacement"],
    refresh: ["~", "refreshed", "refreshing"],
    discard: ["<", "discarded", "discarding"],
    "discard-replaced": ["<<", "discarded after replacement", "discarding original"],
    import: ["=", "imported", "importing"],
    "import-replacement": ["=>", "imported for replacement", "importing replacement"],
  }),
);

const wordsOf = (op: string): [sign: string, done: string, doing: string] => words.get(op) ?? ["*", op, op];

/** Maximum number of levels of indentation; deeper resources begin at the left again. Normal programs have only a few levels. */
const DEEPEST = 50;

export interface TreeLine {
  /** Operation of the resource; "" for a line without one. */
  op: string;
  failed: boolean;
  text: string;
}

export interface TreeOptions {
  /** Whether the steps are incomplete. */
  isCut: boolean;
  /** Whether the update has failed. The root resource of a failed update has no step of its own. */
  failed: boolean;
  /** Number of errors that name a resource, by its URN. */
  errors?: Map<string, number>;
}

/** The changed resources as text, each under its parent. */
export function treeText(steps: TreeStep[], options: TreeOptions): string {
  const lines = treeLines(steps, options);
  return lines.length === 0 ? "" : `${lines.map(({ text }) => text).join("\n")}\n\n`;
}

/** The changed resources, each under its parent, in one line each. The first line is a head. */
export function treeLines(steps: TreeStep[], options: TreeOptions): TreeLine[] {
  const byUrn = new Map<string, TreeStep>();
  for (const step of steps) if (step.op !== "same" || step.failed || !byUrn.has(step.urn)) byUrn.set(step.urn, step);
  for (const { parent } of steps)
    if (isRoot(parent) && !byUrn.has(parent)) byUrn.set(parent, { op: "same", urn: parent, parent: "", failed: options.failed });
  const shown = new Set<string>();
  for (const step of byUrn.values()) {
    if (step.op === "same" && !step.failed) continue;
    // The ancestors of a shown resource are shown too, so that it has its place in the tree.
    for (let urn = step.urn; byUrn.has(urn) && !shown.has(urn); urn = byUrn.get(urn)!.parent) shown.add(urn);
  }
  if (shown.size === 0) return [];

  const children = new Map<string, TreeStep[]>();
  const depths = depthsOf(shown, byUrn);
  for (const urn of shown) {
    const step = byUrn.get(urn)!;
    const parent = depths.get(urn)! % DEEPEST > 0 ? step.parent : "";
    const siblings = children.get(parent);
    if (siblings) siblings.push(step);
    else children.set(parent, [step]);
  }
  const head: Row = { op: "", failed: false, cells: ["", "Type", "Name", "Status"] };
  const rows = [head, ...branches(children, "", "", options)];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map(({ cells }) => cells[column]!.length)));
  const lines = rows.map(({ op, failed, cells }) => ({
    op,
    failed,
    text: ` ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  }));
  return options.isCut ? [...lines, { op: "", failed: false, text: " …" }] : lines;
}

const isRoot = (urn: string) => urn.split("::")[2] === "pulumi:pulumi:Stack";

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

interface Row {
  op: string;
  failed: boolean;
  cells: string[];
}

function* branches(children: Map<string, TreeStep[]>, parent: string, indent: string, options: TreeOptions): Generator<Row> {
  const here = children.get(parent) ?? [];
  for (const [i, step] of here.entries()) {
    const last = i === here.length - 1;
    const [type = "", name = ""] = step.urn.split("::").slice(2);
    const [sign] = step.op === "same" ? [""] : wordsOf(step.op);
    const branch = parent === "" ? "" : `${indent}${last ? "└─ " : "├─ "}`;
    const cells = [sign, branch + type.split("$").at(-1)!, name, statusOf(step, options.errors?.get(step.urn) ?? 0)];
    yield { op: step.op, failed: step.failed, cells };
    yield* branches(children, step.urn, parent === "" ? "" : `${indent}${last ? "   " : "│  "}`, options);
  }
}

/** As the CLI words it: an operation that failed was not done. */
function statusOf({ op, failed }: TreeStep, errors: number): string {
  const [, done, doing] = op === "same" ? ["", "", ""] : wordsOf(op);
  const status = failed ? `**${doing && `${doing} `}failed**` : done;
  return errors > 0 ? `${status} ${errors} error${errors === 1 ? "" : "s"}`.trim() : status;
}

/** Counts, outcome and duration. @param errored number of resources whose operation failed */
export function outcomeText({ dryRun, status, resourceChanges, startedAt, endedAt }: UpdateRow, errored = 0): string {
  const counts = Object.entries(JSON.parse(resourceChanges ?? "{}") as Record<string, number>).filter(([, count]) => count > 0);
  const lines = counts.map(([op, count]) => {
    if (op === "same") return `    ${count} unchanged`;
    const [sign, done] = wordsOf(op);
    return `    ${sign} ${count} ${dryRun ? `to ${op}` : done}`;
  });
  if (errored > 0) lines.push(`    ${errored} errored`);
  const what = `${dryRun ? "Preview" : "Update"} ${status === "running" ? "in progress" : status}`;
  const took = startedAt !== null && endedAt !== null ? `\n\nDuration: ${Math.round((endedAt - startedAt) / 1000)}s` : "";
  return `${lines.length > 0 ? `Resources:\n${lines.join("\n")}\n\n` : ""}${what}${took}\n`;
}

import type { OrgContext } from "../context.ts";
import { cut, pageBytes } from "../http/pageText.ts";
import { holdsSecret } from "../state/ciphertexts.ts";
import { outputsOf, readable } from "../state/outputs.ts";
import { treeOf } from "../state/tree.ts";
import type { StackPath } from "./path.ts";
import { openState } from "./resources.ts";
import { takeState } from "./stateAt.ts";

/** Maximum number of bytes of a page for one output, which is cut there, and for all outputs. */
const ONE = 4000;
const ALL = 70_000;
/** Number of bytes of a row's markup, and of the form that reveals a secret. The form contains the name twice more. */
const ROW = 70;
const FORM = 300;
const MOST_RESOURCES = 300;

export interface ShownOutput {
  name: string;
  /** Undefined if the value is a secret or contains one. */
  text: string | undefined;
}

/** The outputs sorted by name, without secret values; `more` counts those that did not fit. It is audited as an export. */
export async function lookAtOutputs(ctx: OrgContext, path: StackPath): Promise<{ outputs: ShownOutput[]; more: number }> {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the outputs"));
  const found = await outputsOf(chunks);
  const outputs: ShownOutput[] = [];
  let left = ALL;
  for (const [name, value] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = holdsSecret(value) ? undefined : cut(readable(value), ONE);
    left -= ROW + (text === undefined ? 3 * pageBytes(name) + FORM : pageBytes(name) + pageBytes(text));
    if (left < 0) break;
    outputs.push({ name, text });
  }
  return { outputs, more: found.size - outputs.length };
}

/** The first resources, and the number of the others. It is audited as an export. */
export async function lookAtResources(ctx: OrgContext, path: StackPath) {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the resources"));
  return treeOf(chunks, MOST_RESOURCES);
}

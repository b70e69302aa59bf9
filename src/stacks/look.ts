import type { OrgContext } from "../context.ts";
import { cut, pageBytes } from "../http/pageText.ts";
import { holdsSecret } from "../state/ciphertexts.ts";
import { outputsOf, readable } from "../state/outputs.ts";
import { treeOf } from "../state/tree.ts";
import type { StackPath } from "./path.ts";
import { openState } from "./resources.ts";
import { takeState } from "./stateAt.ts";

/** Bytes of a page for one output, and for all together: enough to know it by. */
const ONE = 4000;
const ALL = 70_000;
/** A row; and the form that reveals a secret, which says the name twice more. */
const ROW = 70;
const FORM = 300;
const MOST_RESOURCES = 300;

export interface ShownOutput {
  name: string;
  /** Undefined for a secret, whole or in part. */
  text: string | undefined;
}

/** Outputs by name, without what is secret. @returns also how many there was no room for. Audited as an export. */
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

/** The first resources, and how many more there are. Audited as an export. */
export async function lookAtResources(ctx: OrgContext, path: StackPath) {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the resources"));
  return treeOf(chunks, MOST_RESOURCES);
}

import type { OrgContext } from "../context.ts";
import { holdsSecret } from "../state/ciphertexts.ts";
import { outputsOf, readable } from "../state/outputs.ts";
import { treeOf } from "../state/tree.ts";
import type { StackPath } from "./path.ts";
import { openState } from "./resources.ts";
import { takeState } from "./stateAt.ts";

/** Characters of one output, and of all together: enough to know it by, and a page stays a page. */
const ONE = 4000;
const ALL = 40_000;
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
    const text = holdsSecret(value) ? undefined : readable(value);
    const shown = text !== undefined && text.length > ONE ? `${text.slice(0, ONE)}…` : text;
    left -= name.length + (shown?.length ?? 0) + 20;
    if (left < 0) break;
    outputs.push({ name, text: shown });
  }
  return { outputs, more: found.size - outputs.length };
}

/** The first resources, and how many more there are. Audited as an export. */
export async function lookAtResources(ctx: OrgContext, path: StackPath) {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the resources"));
  return treeOf(chunks, MOST_RESOURCES);
}

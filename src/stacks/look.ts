import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { cut, pageBytes } from "../http/pageText.ts";
import { holdsSecret } from "../state/ciphertexts.ts";
import { QUOTE } from "../state/json/json.ts";
import { lookAround, propertiesOf } from "../state/around.ts";
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
/** Pulumi Cloud shows the output of this name as the stack's README. */
const README = "readme";
/** Number of bytes of a page for the README. */
export const README_ROOM = 25_000;

export interface ShownOutput {
  name: string;
  /** Undefined if the value is a secret or contains one. */
  text: string | undefined;
}

export interface ShownOutputs {
  outputs: ShownOutput[];
  /** Number of outputs that did not fit. */
  more: number;
  /** The output `readme`, if it is a text and not secret. It is not among the outputs. */
  readme?: string;
}

/** The outputs sorted by name, without secret values. It is audited as an export. */
export async function lookAtOutputs(ctx: OrgContext, path: StackPath): Promise<ShownOutputs> {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the outputs"));
  const found = await outputsOf(chunks);
  const readme = found.get(README);
  const isText = readme !== undefined && readme[0] === QUOTE && !holdsSecret(readme);
  if (isText) found.delete(README);
  const { shown, more } = withoutSecrets(found, isText ? ALL - README_ROOM : ALL);
  return { outputs: shown, more, ...(isText && { readme: readable(readme) }) };
}

/** The values that fit on a page, sorted by name. A value that is a secret or contains one has no text. */
function withoutSecrets(found: Map<string, Uint8Array>, room: number): { shown: ShownOutput[]; more: number } {
  const shown: ShownOutput[] = [];
  let left = room;
  for (const [name, value] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = holdsSecret(value) ? undefined : cut(readable(value), ONE);
    left -= ROW + (text === undefined ? 3 * pageBytes(name) + FORM : pageBytes(name) + pageBytes(text));
    if (left < 0) break;
    shown.push({ name, text });
  }
  return { shown, more: found.size - shown.length };
}

/** The first resources, and the number of the others. It is audited as an export. */
export async function lookAtResources(ctx: OrgContext, path: StackPath) {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "the resources"));
  return treeOf(chunks, MOST_RESOURCES);
}

/** Maximum number of bytes of a page for the inputs of a resource, and for its outputs; and most neighbours that are named. */
const PROPERTIES = 30_000;
const MOST_NEIGHBOURS = 60;

/**
 * One resource with its properties and its neighbours, without secret values. It is audited as an export of a resource.
 * @throws 404 when the state has no such resource
 */
export async function lookAtResource(ctx: OrgContext, path: StackPath, urn: string) {
  const { chunks, version } = await openState(ctx, await takeState(ctx, path, undefined, "a resource"));
  const around = await lookAround(chunks, urn, MOST_NEIGHBOURS);
  if (!around) throw notFound("Resource");
  const { members, ...rest } = around;
  const text = (name: string) => {
    const json = members.get(name);
    return json ? cut(readable(json), ONE) : "";
  };
  return {
    ...rest,
    version,
    provider: text("provider"),
    isProtected: text("protect") === "true",
    isExternal: text("external") === "true",
    inputs: withoutSecrets(propertiesOf(members, "inputs"), PROPERTIES),
    outputs: withoutSecrets(propertiesOf(members, "outputs"), PROPERTIES),
  };
}

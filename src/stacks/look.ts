import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { cut, pageBytes } from "../http/pageText.ts";
import { QUOTE, encode, membersOf } from "../state/json/json.ts";
import { indent } from "../state/json/indent.ts";
import { Ciphertexts, holdsSecret, withPlaintexts } from "../state/ciphertexts.ts";
import { type Around, lookAround, propertiesOf } from "../state/around.ts";
import { findOutlined, listOutlined, neighboursOf } from "../state/outline.ts";
import { outputsOf, readable } from "../state/outputs.ts";
import { type Listing, branchOf, listResources } from "../state/tree.ts";
import { readPart } from "./objects.ts";
import { openOutline } from "./outlines.ts";
import type { StackPath } from "./path.ts";
import { openState } from "./resources.ts";
import { type StoredState, takeState } from "./stateAt.ts";

/** Maximum number of bytes of a page for one output, which is cut there, and for all outputs. */
const ONE = 4000;
const ALL = 70_000;
/** Number of bytes of a row's markup, and of the form that reveals a secret. The form contains the name twice more. */
const ROW = 70;
const FORM = 300;
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

/** Maximum number of words of a filter. */
const MOST_WORDS = 10;

/** The resources whose URN or id contains all words of a text, in upper or lower case. It is audited as an export. */
export async function lookAtResources(ctx: OrgContext, path: StackPath, text = ""): Promise<Listing> {
  const state = await takeState(ctx, path, undefined, "the resources");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
  const outline = await openOutline(ctx, state);
  return outline ? listOutlined(outline, words) : listResources((await openState(ctx, state)).chunks, words);
}

/** Maximum number of bytes of a page for the inputs of a resource, and for its outputs; and maximum number of neighbours that are named. */
const PROPERTIES = 30_000;
const MOST_NEIGHBOURS = 60;

/**
 * One resource with its properties and its neighbours, without secret values. It is audited as an export of a resource.
 * @throws 404 when the state has no such resource
 */
export async function lookAtResource(ctx: OrgContext, path: StackPath, urn: string) {
  const state = await takeState(ctx, path, undefined, "a resource");
  const around = await aroundIn(ctx, state, urn);
  if (!around) throw notFound("Resource");
  const { version } = state;
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
    created: timeOf(text("created")),
    modified: timeOf(text("modified")),
    inputs: propertiesFor(propertiesOf(members, "inputs")),
    outputs: propertiesFor(propertiesOf(members, "outputs")),
  };
}

/** The resource and its neighbours. With an outline of the state in memory this reads only the resource's own bytes. */
async function aroundIn(ctx: OrgContext, state: StoredState, urn: string): Promise<Around | undefined> {
  const outline = await openOutline(ctx, state);
  if (!outline) return lookAround((await openState(ctx, state)).chunks, urn, MOST_NEIGHBOURS);
  const place = findOutlined(outline, urn);
  if (!place || state.stateKey === null) return undefined;
  const members = membersOf(await readPart(ctx.env.STATE, state.stateKey, place.start, place.length));
  const resource = branchOf(members);
  return resource && { resource, members, ...neighboursOf(outline, urn, MOST_NEIGHBOURS) };
}

/** Milliseconds since 1970; undefined if the text is no time. */
function timeOf(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

export interface ShownProperty {
  name: string;
  text: string;
  /** Whether it is a secret or contains one. Then the text has `[secret]` there. */
  hasSecret: boolean;
}

/** Bytes of the form that reveals a property. It contains the property's name twice, and the URN of the resource. */
const REVEAL = 1200;

/** The properties that fit on a page, sorted by name. */
function propertiesFor(found: Map<string, Uint8Array>): { shown: ShownProperty[]; more: number } {
  const shown: ShownProperty[] = [];
  let left = PROPERTIES;
  for (const [name, value] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const hasSecret = holdsSecret(value);
    const text = cut(pretty(hasSecret ? withMasks(value) : value), ONE);
    left -= ROW + pageBytes(text) + (hasSecret ? 3 * pageBytes(name) + REVEAL : pageBytes(name));
    if (left < 0) break;
    shown.push({ name, text, hasSecret });
  }
  return { shown, more: found.size - shown.length };
}

const MASK = encode('"[secret]"');
/** Maximum number of secrets in a value whose other parts are shown. */
const MOST_SECRETS = 50;

/** The value with a mask for each secret. If a secret is left, because it has another form or there are too many, all of the value is masked. */
function withMasks(value: Uint8Array): Uint8Array {
  const secrets = new Ciphertexts(MOST_SECRETS);
  secrets.add(value);
  const masked = withPlaintexts(value, new Map(secrets.found.map((text) => [text, '"[secret]"'])));
  return holdsSecret(masked) ? MASK : masked;
}

/** Objects and lists over several lines, also those that a text contains as JSON, as policies do. Longer values are cut anyway. */
function pretty(json: Uint8Array): string {
  const text = readable(json);
  if (json[0] !== 0x22) return indent(text.slice(0, 4 * ONE));
  return text.length <= 4 * ONE && /^\s*[{[]/.test(text) && isJson(text) ? indent(text) : text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

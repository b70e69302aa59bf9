/**
 * The outline of a state: of each resource what its pages need to list it, and the place of its JSON text. It is small enough to be kept in memory,
 * so the pages of a state read the whole state once. Pure.
 */
import { QUOTE, decodeString, readArray, skipValue, visitMembers } from "./json/json.ts";
import { resourcesWithPlaces } from "./resources.ts";
import { DEPENDENCIES, MEMBER, type Leaf, type Listing, MOST_RESOURCES, matches, nameOf } from "./tree.ts";

export interface OutlinedResource extends Leaf {
  dependencies: readonly string[];
  /** Where its JSON text begins in the state, and its length, in bytes. */
  start: number;
  length: number;
}

export interface Outline {
  /** In the order of the state. */
  resources: readonly OutlinedResource[];
  /** Number of all resources, also of those without a URN. */
  total: number;
  /** Estimated number of bytes of the outline in memory. */
  size: number;
}

/** Estimated number of bytes for a resource without its texts, and for a reference to a text. */
const OBJECT = 200;
const REFERENCE = 8;

/** @param room most bytes of the outline in memory. @returns undefined for a state whose outline is larger, or that has too many resources */
export async function outlineOf(state: AsyncIterable<Uint8Array>, room: number): Promise<Outline | undefined> {
  const resources: OutlinedResource[] = [];
  let size = 0;
  let total = 0;
  // Most texts occur many times: the type, and the URN of a parent or of a dependency.
  const texts = new Map<string, string>();
  const once = (text: string): string => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    size += text.length;
    return text;
  };
  for await (const parts of resourcesWithPlaces(state)) {
    total += parts.length;
    for (const { text, start } of parts) {
      const found = outlined(text, start, once);
      if (!found) continue;
      resources.push(found);
      size += OBJECT + REFERENCE * found.dependencies.length + found.id.length;
    }
    if (size > room || total > MOST_RESOURCES) return undefined;
  }
  return { resources, total, size };
}

/** @returns undefined for a resource without a URN */
function outlined(json: Uint8Array, start: number, once: (text: string) => string): OutlinedResource | undefined {
  const found = {
    urn: "",
    type: "",
    name: "",
    parent: "",
    id: "",
    custom: false,
    leaving: false,
    dependencies: NONE,
    start,
    length: json.length,
  };
  visitMembers(json, 0, (key, at) => {
    const end = skipValue(json, at);
    switch (key) {
      case "urn":
      case "type":
      case "parent":
        found[key] = once(stringAt(json, at, end));
        break;
      case "id":
        found.id = stringAt(json, at, end);
        break;
      case "custom":
        found.custom = json[at] === TRUE;
        break;
      case "delete":
        found.leaving = json[at] === TRUE;
        break;
      case "dependencies":
        found.dependencies = end - at <= DEPENDENCIES ? textsAt(json, at).map(once) : NONE;
    }
    return end;
  });
  if (found.urn === "") return undefined;
  found.name = nameOf(found.urn);
  return found;
}

const NONE: readonly string[] = [];
/** The t of `true`. */
const TRUE = 0x74;

/** "" for another value than a text, and for a text that is too long. */
const stringAt = (json: Uint8Array, at: number, end: number): string =>
  json[at] === QUOTE && end - at <= MEMBER ? decodeString(json, at, end) : "";

/** The texts of a list. */
function textsAt(json: Uint8Array, at: number): string[] {
  const found: string[] = [];
  readArray(json, at, (value) => {
    const end = skipValue(json, value);
    const text = stringAt(json, value, end);
    if (text !== "") found.push(text);
    return end;
  });
  return found;
}

/** @param words in lower case, see `listResources` */
export function listOutlined({ resources, total }: Outline, words: string[]): Listing {
  return { resources: words.length === 0 ? resources : resources.filter((one) => matches(one, words)), total, left: 0 };
}

/** Finds a resource by its URN. If several have it, this is the first that will not be deleted. */
export function findOutlined({ resources }: Outline, urn: string): OutlinedResource | undefined {
  const named = resources.filter((one) => one.urn === urn);
  return named.find(({ leaving }) => !leaving) ?? named[0];
}

/** URNs of the first resources that depend on one or are its children, and the number of the others. @param most that are named */
export function neighboursOf({ resources }: Outline, urn: string, most: number) {
  const around = { dependents: [] as string[], children: [] as string[], more: 0 };
  for (const one of resources) {
    const list = one.parent === urn ? around.children : one.dependencies.includes(urn) ? around.dependents : undefined;
    if (!list) continue;
    if (around.dependents.length + around.children.length < most) list.push(one.urn);
    else around.more++;
  }
  return around;
}

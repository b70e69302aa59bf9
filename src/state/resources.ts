/** Yields the resources of a deployment one by one, in the form of the public contract. */
import { decodeString, encode, membersOf, rewrite, type Edits } from "./json/json.ts";
import { type Part, splitDeployment } from "./json/split.ts";

/** Members that are required by the contract, but that a state omits when they are empty. */
const ALWAYS: readonly [string, string][] = [
  ["custom", "false"],
  ["delete", "false"],
  ["dependencies", "[]"],
];

/** Each resource's stored text, with the required members added. Only the resources of one chunk are in memory. */
export async function* resourcesOf(state: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const text of storedResources(state)) yield shown(text);
}

/** Finds a resource by its URN. If several have it, this is the one that will not be deleted. */
export async function findResource(state: AsyncIterable<Uint8Array>, urn: string): Promise<Uint8Array | undefined> {
  let found: Uint8Array | undefined;
  for await (const text of storedResources(state)) {
    const members = membersOf(text);
    const its = members.get("urn");
    if (!its || decodeString(its, 0, its.length) !== urn) continue;
    found ??= shown(text).slice();
    if (!isTrue(members.get("delete"))) return shown(text);
  }
  return found;
}

/** Each resource's stored text. A text is valid until the next one is asked for. */
export async function* storedResources(state: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const parts of resourcesWithPlaces(state)) for (const { text } of parts) yield text;
}

/**
 * The stored text of each resource with its position in the state, in batches. The texts of a batch are valid until the next batch is asked
 * for.
 */
export async function* resourcesWithPlaces(state: AsyncIterable<Uint8Array>): AsyncGenerator<Element[]> {
  for await (const parts of splitDeployment(state, { trusted: true }))
    yield parts.filter((part): part is Element => part.at === "resource");
}

type Element = Extract<Part, { start: number }>;

function shown(text: Uint8Array): Uint8Array {
  const members = membersOf(text);
  const missing: Edits = new Map(ALWAYS.filter(([name]) => isAbsent(members.get(name))));
  return missing.size > 0 ? rewrite(text, missing) : text;
}

const TRUE = encode("true");
const isTrue = (value: Uint8Array | undefined) => value !== undefined && value[0] === TRUE[0];
/** Whether the member is missing or null; 0x6e is the n of `null`. */
const isAbsent = (value: Uint8Array | undefined) => value === undefined || value[0] === 0x6e;

/** Giving a state other names: what a rename or transfer of its stack rewrites (cli-protocol §3.8). */
import { DeploymentWriter } from "./checkpoint.ts";
import {
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  concat,
  decodeString,
  decodeText,
  encode,
  membersOf,
  parse,
  readArray,
  readObject,
  rewrite,
  skipSpace,
  skipValue,
} from "./json.ts";
import { splitDeployment, type Part } from "./split.ts";

export interface Names {
  owner: string;
  project: string;
  stack: string;
}

/**
 * The text of an untyped deployment under other names, in chunks of 128 KB or so. URNs of the old stack and project become those
 * of the new pair wherever a URN belongs; a resource without one keeps its bytes, and so does the rest of each other. The
 * text must have been validated when it was taken.
 */
export async function* rename(chunks: AsyncIterable<Uint8Array>, from: Names, to: Names): AsyncGenerator<Uint8Array, void> {
  const writer = new DeploymentWriter();
  const envelope: [key: string, text: Uint8Array][] = [];
  const urns = urnMap(from, to);
  for await (const parts of splitDeployment(chunks, { trusted: true })) {
    for (const part of parts) {
      if (part.at !== "envelope") writer.write({ ...part, text: renamePart(part, urns, to) });
      else if (part.key !== "deployment") envelope.push([part.key, part.text.slice()]);
    }
    if (writer.out.hasFull) yield* writer.out.take();
  }
  writer.close();
  for (const [key, text] of envelope) {
    writer.out.write(`,${JSON.stringify(key)}:`);
    writer.out.write(text);
  }
  writer.out.write("}");
  yield* writer.out.rest();
}

type UrnMap = (urn: string) => string;

/** The root resource has both names in its own, too. */
export function urnMap(from: Pick<Names, "project" | "stack">, to: Pick<Names, "project" | "stack">): UrnMap {
  const before = `urn:pulumi:${from.stack}::${from.project}::`;
  const after = `urn:pulumi:${to.stack}::${to.project}::`;
  const root = "pulumi:pulumi:Stack::";
  return (urn) => {
    if (!urn.startsWith(before)) return urn;
    return urn.startsWith(root, before.length) ? `${after}${root}${to.project}-${to.stack}` : after + urn.slice(before.length);
  };
}

function renamePart(part: Exclude<Part, { at: "envelope" }>, urns: UrnMap, to: Names): Uint8Array {
  const { text } = part;
  if (part.at === "deployment" && part.key === "secrets_providers") return renameProvider(text, to);
  const renaming = new Renaming(text, urns);
  if (part.at === "resource") renaming.resource(0);
  else if (part.at === "pendingOperation") renaming.operation(0);
  else if (part.at === "deployment" && part.key === "snippets") renaming.snippets(0);
  return renaming.result();
}

/** Where the client looks for the keys of a state's secrets: without this it would go on asking under the old names. */
function renameProvider(text: Uint8Array, { owner, project, stack }: Names): Uint8Array {
  const members = membersOf(text);
  const type = members.get("type");
  const state = members.get("state");
  if (!type || !state || parse(type) !== "service") return text;
  const names = Object.entries({ owner, project, stack }).map(([key, name]) => [key, JSON.stringify(name)] as const);
  return rewrite(text, new Map([["state", decodeText(rewrite(state, new Map(names)))]]));
}

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";

/** An object or array that is being walked through. */
interface Frame {
  isObject: boolean;
  isReference: boolean;
  /** Where the value of its member `urn` begins; 0 when it has none. */
  urn: number;
}

/** Finds the URNs in one part of a deployment and gathers what is to stand in their place. */
class Renaming {
  readonly #bytes: Uint8Array;
  readonly #map: UrnMap;
  readonly #edits: { start: number; end: number; text: string }[] = [];

  constructor(bytes: Uint8Array, map: UrnMap) {
    this.#bytes = bytes;
    this.#map = map;
  }

  /** Each of these reads the value at a position and returns where it ends. */
  resource(at: number): number {
    return readObject(this.#bytes, at, (key, value) => {
      switch (key) {
        case "urn":
        case "parent":
        case "deletedWith":
        case "viewOf":
          return this.#urn(value);
        case "provider":
          return this.#urn(value, (provider) => this.#providerOf(provider));
        case "dependencies":
        case "replaceWith":
        case "aliases":
          return this.#urns(value);
        case "propertyDependencies":
          return readObject(this.#bytes, value, (_, urns) => this.#urns(urns));
        case "inputs":
        case "outputs":
        case "replacementTrigger":
          return this.#property(value);
        default:
          return skipValue(this.#bytes, value);
      }
    });
  }

  operation(at: number): number {
    return readObject(this.#bytes, at, (key, value) => (key === "resource" ? this.resource(value) : skipValue(this.#bytes, value)));
  }

  snippets(at: number): number {
    return readArray(this.#bytes, at, (snippet) =>
      readObject(this.#bytes, snippet, (key, value) =>
        key === "references" ? readObject(this.#bytes, value, (_, urn) => this.#urn(urn)) : skipValue(this.#bytes, value),
      ),
    );
  }

  result(): Uint8Array {
    if (this.#edits.length === 0) return this.#bytes;
    const pieces: Uint8Array[] = [];
    let last = 0;
    for (const { start, end, text } of this.#edits.sort((a, b) => a.start - b.start)) {
      pieces.push(this.#bytes.subarray(last, start), encode(text));
      last = end;
    }
    return concat([...pieces, this.#bytes.subarray(last)]);
  }

  #urns(at: number): number {
    return readArray(this.#bytes, at, (urn) => this.#urn(urn));
  }

  /** `URN::ID`; the id has no `::`. */
  #providerOf(provider: string): string {
    const cut = provider.lastIndexOf("::");
    return cut < 0 ? provider : this.#map(provider.slice(0, cut)) + provider.slice(cut);
  }

  #urn(start: number, map: UrnMap = this.#map): number {
    const end = skipValue(this.#bytes, start);
    if (this.#bytes[start] !== QUOTE) return end;
    // As it is spelled, if possible, so that the rest of it keeps its bytes.
    const spelled = decodeText(this.#bytes.subarray(start + 1, end - 1));
    const mapped = map(spelled);
    if (mapped !== spelled) this.#edits.push({ start, end, text: `"${mapped}"` });
    else if (spelled.includes("\\")) {
      const urn = decodeString(this.#bytes, start, end);
      if (map(urn) !== urn) this.#edits.push({ start, end, text: JSON.stringify(map(urn)) });
    }
    return end;
  }

  /** References to resources are values of any depth, so this keeps its own stack: the depth is the sender's to choose. */
  #property(start: number): number {
    const bytes = this.#bytes;
    const frames: Frame[] = [];
    let at = start;
    for (;;) {
      const open = bytes[at]!;
      const inside = skipSpace(bytes, at + 1);
      // The closing bracket is the opening one plus two.
      if ((open === OPEN_OBJECT || open === OPEN_ARRAY) && bytes[inside] !== open + 2) {
        const frame = { isObject: open === OPEN_OBJECT, isReference: false, urn: 0 };
        frames.push(frame);
        at = frame.isObject ? this.#member(inside, frame) : inside;
        continue;
      }
      at = skipSpace(bytes, skipValue(bytes, at));
      while (frames.length > 0 && bytes[at] !== COMMA) {
        const { isReference, urn } = frames.pop()!;
        if (isReference && urn > 0) this.#urn(urn);
        at = skipSpace(bytes, at + 1);
      }
      const frame = frames.at(-1);
      if (!frame) return at;
      at = skipSpace(bytes, at + 1);
      if (frame.isObject) at = this.#member(at, frame);
    }
  }

  /** @returns where the value of the member at `at` begins */
  #member(at: number, frame: Frame): number {
    const bytes = this.#bytes;
    const keyEnd = skipValue(bytes, at);
    const key = decodeString(bytes, at, keyEnd);
    const value = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    if (key === "urn") frame.urn = value;
    else if (key === SIGNATURE)
      frame.isReference = bytes[value] === QUOTE && decodeString(bytes, value, skipValue(bytes, value)) === RESOURCE_REFERENCE;
    return value;
  }
}

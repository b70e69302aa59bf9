/** Rewrites a state for a rename or transfer of its stack (cli-protocol §3.8). */
import { goJson } from "./goFormat.ts";
import { QUOTE, decodeString, decodeText, membersOf, parse, readArray, rewrite, skipValue, visitMembers } from "./json/json.ts";
import { type Pieces, type Replacement, replaceRanges } from "./ranges.ts";
import { type DeploymentPart, rewriteDeployment } from "./json/rewrite.ts";
import { RESOURCE_REFERENCE, walkSigned } from "./json/signed.ts";

export interface Names {
  owner: string;
  project: string;
  stack: string;
}

/**
 * Yields the text of an untyped deployment with new names, in chunks of about 128 KB. It changes URNs of the old stack and project in all
 * members that contain URNs; all other bytes stay. The text must have been validated when it was received.
 */
export function rename(chunks: AsyncIterable<Uint8Array>, from: Names, to: Names): AsyncGenerator<Uint8Array, void> {
  const urns = urnMap(from, to);
  return rewriteDeployment(chunks, (part) => renamePart(part, urns, to));
}

type UrnMap = (urn: string) => string;

/** Maps an old URN to the new one. The name of the root resource contains the project and the stack too. */
function urnMap(from: Pick<Names, "project" | "stack">, to: Pick<Names, "project" | "stack">): UrnMap {
  const before = `urn:pulumi:${from.stack}::${from.project}::`;
  const after = `urn:pulumi:${to.stack}::${to.project}::`;
  const root = "pulumi:pulumi:Stack::";
  return (urn) => {
    if (!urn.startsWith(before)) return urn;
    return urn.startsWith(root, before.length) ? `${after}${root}${to.project}-${to.stack}` : after + urn.slice(before.length);
  };
}

function renamePart(part: DeploymentPart, urns: UrnMap, to: Names): Pieces {
  const { text } = part;
  if (part.at === "deployment" && part.key === "secrets_providers") return [renameProvider(text, to)];
  const renaming = new Renaming(text, urns);
  if (part.at === "resource") renaming.resource(0);
  else if (part.at === "pendingOperation") renaming.operation(0);
  else if (part.at === "deployment" && part.key === "snippets") renaming.snippets(0);
  return renaming.result();
}

/** Renames the secrets provider. The client decrypts the state's secrets under the names in it. */
function renameProvider(text: Uint8Array, { owner, project, stack }: Names): Uint8Array {
  const members = membersOf(text);
  const type = members.get("type");
  const state = members.get("state");
  if (!type || !state || parse(type) !== "service") return text;
  const names = Object.entries({ owner, project, stack }).map(([key, name]) => [key, JSON.stringify(name)] as const);
  return rewrite(text, new Map([["state", decodeText(rewrite(state, new Map(names)))]]));
}

/** Finds the URNs in one part of a deployment and collects their replacements. */
class Renaming {
  readonly #bytes: Uint8Array;
  readonly #map: UrnMap;
  readonly #edits: Replacement[] = [];

  constructor(bytes: Uint8Array, map: UrnMap) {
    this.#bytes = bytes;
    this.#map = map;
  }

  /** Each of these methods reads the value at a position and returns its end. */
  resource(at: number): number {
    return visitMembers(this.#bytes, at, (key, value) => {
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
          return visitMembers(this.#bytes, value, (_, urns) => this.#urns(urns));
        case "inputs":
        case "outputs":
        case "replacementTrigger":
          return walkSigned(this.#bytes, value, RESOURCE_REFERENCE, "urn", (urn) => this.#urn(urn));
        default:
          return skipValue(this.#bytes, value);
      }
    });
  }

  operation(at: number): number {
    return visitMembers(this.#bytes, at, (key, value) => (key === "resource" ? this.resource(value) : skipValue(this.#bytes, value)));
  }

  snippets(at: number): number {
    return readArray(this.#bytes, at, (snippet) =>
      visitMembers(this.#bytes, snippet, (key, value) =>
        key === "references" ? visitMembers(this.#bytes, value, (_, urn) => this.#urn(urn)) : skipValue(this.#bytes, value),
      ),
    );
  }

  result(): Pieces {
    return replaceRanges(this.#bytes, this.#edits);
  }

  #urns(at: number): number {
    return readArray(this.#bytes, at, (urn) => this.#urn(urn));
  }

  /** Maps `URN::ID`. The id does not contain `::`. */
  #providerOf(provider: string): string {
    const cut = provider.lastIndexOf("::");
    return cut < 0 ? provider : this.#map(provider.slice(0, cut)) + provider.slice(cut);
  }

  #urn(start: number, map: UrnMap = this.#map): number {
    const end = skipValue(this.#bytes, start);
    if (this.#bytes[start] !== QUOTE) return end;
    // The text is mapped without decoding if possible, so that the rest of the URN keeps its bytes.
    const spelled = decodeText(this.#bytes.subarray(start + 1, end - 1));
    const mapped = map(spelled);
    if (mapped !== spelled) this.#edits.push({ start, end, text: `"${mapped}"` });
    else if (spelled.includes("\\")) {
      const urn = decodeString(this.#bytes, start, end);
      if (map(urn) !== urn) this.#edits.push({ start, end, text: goJson(map(urn)) });
    }
    return end;
  }
}

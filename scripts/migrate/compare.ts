/** Compares a stack's state at two places. */
import { type Range, decodeText } from "../../src/state/json/json.ts";
import { SECRET, SIGNATURE } from "../../src/state/json/signed.ts";
import type { Crypter } from "./place.ts";
import { type State, isRounded, sameButForSecrets } from "./state.ts";

export interface Side {
  state: State;
  /** Absent when the secrets are under a key that this program does not have: then the ciphertexts must be the same. */
  crypter?: Crypter | undefined;
}

export interface Comparison {
  /** Byte for byte, except for the ciphertexts and the name of their provider. */
  isSameText: boolean;
  /** The difference in words. Absent when the states have the same contents. */
  difference?: string;
}

/**
 * @param isRewritten whether the CLI has written one of the states: it keeps each number as a double, so only doubles can be compared
 * @throws Fault when a secret cannot be decrypted
 */
export async function compare(a: Side, b: Side, isRewritten: boolean): Promise<Comparison> {
  const isOpen = a.crypter !== undefined && b.crypter !== undefined;
  const [ours, theirs] = await Promise.all([a, b].map(({ state, crypter }) => secretsOf(state, isOpen ? crypter : undefined)));
  if (sameButForSecrets(a.state, b.state)) {
    const isSame = ours!.every((text, i) => text === theirs![i]);
    return { isSameText: isSame, ...(!isSame && { difference: "a secret has another value" }) };
  }
  const [content, other] = [new Content(a.state, ours!, isOpen, isRewritten), new Content(b.state, theirs!, isOpen, isRewritten)];
  const difference = content.differenceTo(other);
  return { isSameText: false, ...(difference !== undefined && { difference }) };
}

const secretsOf = async ({ ciphertexts }: State, crypter: Crypter | undefined): Promise<string[]> =>
  crypter && ciphertexts.length > 0 ? crypter.open(ciphertexts) : ciphertexts;

/** The number as it is written. */
class Written {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Differences within these members mean nothing: the CLI leaves out what is empty, and the time of the manifest is that of the last write.
 */
const PASSED_OVER = new Set(["manifest"]);

class Content {
  readonly #state: State;
  readonly #secrets: Map<string, string>;
  readonly #isOpen: boolean;
  readonly #rounds: boolean;

  constructor(state: State, secrets: string[], isOpen: boolean, rounds: boolean) {
    this.#state = state;
    this.#secrets = new Map(state.ciphertexts.map((ciphertext, i) => [ciphertext, secrets[i]!]));
    this.#isOpen = isOpen;
    this.#rounds = rounds;
  }

  /** @returns a sentence without values, because they may be secret */
  differenceTo(other: Content): string | undefined {
    const [here, there] = [this.#state, other.#state];
    for (const [what, list] of [
      ["resource", (state: State) => state.resources],
      ["pending operation", (state: State) => state.pending],
    ] as const) {
      const [ours, theirs] = [list(here), list(there)];
      if (ours.length !== theirs.length) return `${ours.length} ${what}s became ${theirs.length}`;
      const index = ours.findIndex((range, i) => this.#text(range) !== other.#text(theirs[i]!));
      if (index >= 0) return `${what} ${index + 1}${this.#urnAt(ours[index]!)} differs`;
    }
    for (const key of new Set([...here.others.keys(), ...there.others.keys()])) {
      const texts = [this.#text(here.others.get(key)), other.#text(there.others.get(key))].map((text) => (EMPTY.has(text) ? "" : text));
      if (!PASSED_OVER.has(key) && texts[0] !== texts[1]) return `the member "${key}" differs`;
    }
    return undefined;
  }

  #parse(range: Range): unknown {
    return parseWritten(decodeText(this.#state.bytes.subarray(range.start, range.end)));
  }

  #urnAt(range: Range): string {
    const { urn, resource } = this.#parse(range) as { urn?: unknown; resource?: { urn?: unknown } };
    return ` (${String(urn ?? resource?.urn)})`;
  }

  /** A text that is the same for the same contents. Empty members are left out, as the CLI does. */
  #text(range: Range | undefined): string {
    if (!range) return "";
    const value = this.#parse(range);
    return isObject(value) ? this.#objectText(value, true) : this.#valueText(value);
  }

  #objectText(object: Record<string, unknown>, omitsEmpty: boolean): string {
    const members = Object.keys(object)
      .sort()
      .map((key) => [key, this.#memberText(key, object[key], omitsEmpty)] as const)
      .filter(([, text]) => !omitsEmpty || !EMPTY.has(text));
    return members.length === 0 ? "{}" : `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
  }

  #memberText(key: string, value: unknown, isResource: boolean): string {
    return isResource && key === "resource" && isObject(value) ? this.#objectText(value, true) : this.#valueText(value);
  }

  #valueText(value: unknown): string {
    if (value instanceof Written) return this.#numberText(value.text);
    if (Array.isArray(value)) return `[${value.map((element) => this.#valueText(element)).join(",")}]`;
    if (!isObject(value)) return JSON.stringify(value);
    if (value[SIGNATURE] !== SECRET || typeof value["ciphertext"] !== "string") return this.#objectText(value, false);
    const secret = this.#secrets.get(value["ciphertext"]) ?? "";
    return `secret ${this.#isOpen ? this.#valueText(parseWritten(Buffer.from(secret, "base64").toString())) : secret}`;
  }

  #numberText(text: string): string {
    return this.#rounds || !isRounded(text) ? String(Number(text)) : text;
  }
}

const EMPTY = new Set(["null", "false", '""', "[]", "{}"]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Written);

/** Parses JSON with each number as it is written. This result is only compared. */
function parseWritten(text: string): unknown {
  const reviver = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" ? new Written(context?.source ?? String(value)) : value;
  try {
    return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
  } catch {
    // The parser's message quotes the text, which may be a secret. A secret of a configuration is not JSON.
    return { text };
  }
}

/** Finds the encrypted secrets of a state (cli-protocol §5.4). */
import { QUOTE, concat, decodeString, decodeText, encode, skipSpace, skipValue } from "./json/json.ts";
import { type Replacement, replaceRanges } from "./ranges.ts";
import { SECRET, walkSigned } from "./json/signed.ts";

/** Maximum number of bytes of ciphertexts that are collected. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A text of up to this many bytes is first searched for the signature of secrets. For a longer text the search would need a copy. */
const SHORT = 64 * 1024;

/** Collects the first ciphertexts of a state, up to a given number and up to 4 MiB. */
export class Ciphertexts {
  readonly found: string[] = [];
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the limit was reached, so that the state may have more ciphertexts. */
  get isFull(): boolean {
    return this.found.length >= this.#most || this.#bytes > MOST_BYTES;
  }

  /** @param text validated JSON of a resource, a pending operation or a value */
  add(text: Uint8Array): void {
    // Few resources have secrets, so most texts are only searched.
    if (this.isFull || (text.length <= SHORT && !holdsSecret(text))) return;
    walkSigned(text, skipSpace(text, 0), SECRET, "ciphertext", (start) => {
      if (text[start] !== QUOTE || this.isFull) return;
      const end = skipValue(text, start);
      this.found.push(decodeString(text, start, end));
      this.#bytes += end - start;
    });
  }
}

/** Whether a value is a secret or contains one at any depth. */
export const holdsSecret = (text: Uint8Array): boolean => decodeText(text).includes(SECRET);

/** Replaces each secret in a value's JSON text by its plaintext, which is JSON text too. All other bytes stay. */
export function withPlaintexts(json: Uint8Array, plaintexts: Map<string, string>): Uint8Array {
  const found: Replacement[] = [];
  walkSigned(json, skipSpace(json, 0), SECRET, "ciphertext", (value, object) => {
    const text = json[value] === QUOTE ? plaintexts.get(decodeString(json, value, skipValue(json, value))) : undefined;
    if (text === undefined) return;
    // This secret contains the ones before it, so their replacements are dropped.
    while (found.length > 0 && found.at(-1)!.start > object.start) found.pop();
    found.push({ ...object, text });
  });
  return concat(replaceRanges(json, found).map((piece) => (typeof piece === "string" ? encode(piece) : piece)));
}

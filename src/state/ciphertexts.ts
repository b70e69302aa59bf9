/** Secrets of a state in their encrypted form (cli-protocol §5.4). */
import { QUOTE, concat, decodeString, decodeText, encode, skipSpace, skipValue } from "./json/json.ts";
import { type Replacement, replaceRanges } from "./ranges.ts";
import { SECRET, walkSigned } from "./json/signed.ts";

/** Bytes of ciphertexts that are collected. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A text is searched for the mark of secrets up to this length; a longer one is walked through at once, for it would have to be copied. Bytes. */
const SHORT = 64 * 1024;

/** The first ciphertexts of a state: as many as there are up to a number, and up to 4 MiB of them. */
export class Ciphertexts {
  readonly found: string[] = [];
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** There may be more than were found. */
  get isFull(): boolean {
    return this.found.length >= this.#most || this.#bytes > MOST_BYTES;
  }

  /** @param text of a resource, a pending operation or a value, which has been validated */
  add(text: Uint8Array): void {
    // Few resources have secrets: the others are not walked through for it.
    if (this.isFull || (text.length <= SHORT && !holdsSecret(text))) return;
    walkSigned(text, skipSpace(text, 0), SECRET, "ciphertext", (start) => {
      if (text[start] !== QUOTE || this.isFull) return;
      const end = skipValue(text, start);
      this.found.push(decodeString(text, start, end));
      this.#bytes += end - start;
    });
  }
}

/** Whether a value is a secret or has one anywhere in it. */
export const holdsSecret = (text: Uint8Array): boolean => decodeText(text).includes(SECRET);

/** A value's JSON text with plaintexts, JSON texts too, in the places of their ciphertexts; all else keeps its bytes. */
export function withPlaintexts(json: Uint8Array, plaintexts: Map<string, string>): Uint8Array {
  const found: Replacement[] = [];
  walkSigned(json, skipSpace(json, 0), SECRET, "ciphertext", (value, object) => {
    const text = json[value] === QUOTE ? plaintexts.get(decodeString(json, value, skipValue(json, value))) : undefined;
    if (text === undefined) return;
    // A secret within this one goes with it.
    while (found.length > 0 && found.at(-1)!.start > object.start) found.pop();
    found.push({ ...object, text });
  });
  return concat(replaceRanges(json, found).map((piece) => (typeof piece === "string" ? encode(piece) : piece)));
}

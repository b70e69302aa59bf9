/** Secrets of a state in their encrypted form (cli-protocol §5.4). */
import { QUOTE, concat, decodeString, decodeText, encode, skipSpace, skipValue } from "./json.ts";
import { type Replacement, replaceRanges } from "./rewrite.ts";
import { SECRET, SIGNATURE, walkSigned } from "./signed.ts";

/** The first ciphertexts of a state, no more than `limit` of them. */
export class Ciphertexts {
  readonly found: string[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param text of a resource or a pending operation, which has been validated */
  add(text: Uint8Array): void {
    if (this.found.length >= this.#limit) return;
    const json = decodeText(text);
    // Few resources have secrets: the others are not parsed for it.
    if (json.includes(SECRET)) this.#collect(JSON.parse(json));
  }

  /** Without recursion: what is imported may be nested as deep as its sender likes. */
  #collect(root: unknown): void {
    const open = [root];
    while (open.length > 0 && this.found.length < this.#limit) {
      const value = open.pop();
      if (typeof value !== "object" || value === null) continue;
      const { [SIGNATURE]: kind, ciphertext } = value as Record<string, unknown>;
      if (kind === SECRET && typeof ciphertext === "string") this.found.push(ciphertext);
      for (const inner of Object.values(value)) open.push(inner);
    }
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

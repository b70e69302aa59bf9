import { tooLarge } from "../errors.ts";
import type { ValuesContract } from "../http/route.ts";
import { type Limits, limitsOf } from "../limits.ts";
import { OVERHEAD } from "./cipher.ts";
import { jsonSize, largestJsonSize } from "./jsonSize.ts";

/** Bytes of a JSON string with so many bytes in base64, white space and escapes in it too. */
const textOf = (bytes: number) => 2 * bytes + 1024;

const tooLargeSecret = ({ value }: Limits) => tooLarge("a secret, written as JSON,", value);

/** @throws 413 for a secret that is above the limit, or would be as an input or output of a program */
export function checkSizes(plaintexts: Uint8Array[], limits: Limits): void {
  for (const plaintext of plaintexts)
    if (largestJsonSize(plaintext.length) > limits.value && jsonSize(plaintext) > limits.value) throw tooLargeSecret(limits);
}

/** Secrets that are to be encrypted. The reader of the body refuses a text that is far above the limit, without keeping it. */
export const plaintexts = (member: string, isList: boolean): ValuesContract => ({
  member,
  isList,
  most: (limits) => textOf(limits.value),
  tooLong: tooLargeSecret,
});

/** What an untouched deployment encrypts. */
const usual = limitsOf({} as never).value;
/** Lowering the limit takes nothing away that was encrypted before, but for what a higher limit than the usual had let in. */
const decryptable = ({ value }: Limits) => Math.max(value, usual);

/** Secrets that are to be decrypted: whatever was encrypted, and a little longer. */
export const ciphertexts = (member: string, isList: boolean): ValuesContract => ({
  member,
  isList,
  most: (limits) => textOf(decryptable(limits) + OVERHEAD),
  tooLong: (limits) => tooLarge("an encrypted secret", decryptable(limits) + OVERHEAD),
});

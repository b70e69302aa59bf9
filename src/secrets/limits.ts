import { tooLarge } from "../errors.ts";
import type { ValuesContract } from "../http/route.ts";
import { type Limits, limitsOf } from "../limits.ts";
import { OVERHEAD } from "./cipher.ts";
import { jsonSize, largestJsonSize } from "./jsonSize.ts";

/** Maximum number of bytes of a JSON string that contains this many bytes in base64, possibly with white space and escapes. */
const textOf = (bytes: number) => 2 * bytes + 1024;

const tooLargeSecret = ({ value }: Limits) => tooLarge("a secret, written as JSON,", value);

/** @throws 413 for a secret whose size as JSON is above the limit */
export function checkSizes(plaintexts: Uint8Array[], limits: Limits): void {
  for (const plaintext of plaintexts)
    if (largestJsonSize(plaintext.length) > limits.value && jsonSize(plaintext) > limits.value) throw tooLargeSecret(limits);
}

/** How the body of a call that encrypts is read. A secret far above the limit is refused without holding it in memory. */
export const plaintexts = (member: string, isList: boolean): ValuesContract => ({
  member,
  isList,
  most: (limits) => textOf(limits.value),
  tooLong: tooLargeSecret,
});

/** The limit of a deployment with default settings. */
const usual = limitsOf({} as never).value;
/** After the limit is lowered, secrets up to the default limit can still be decrypted; larger ones cannot. */
const decryptable = ({ value }: Limits) => Math.max(value, usual);

/** How the body of a call that decrypts is read. A ciphertext is a little longer than its plaintext. */
export const ciphertexts = (member: string, isList: boolean): ValuesContract => ({
  member,
  isList,
  most: (limits) => textOf(decryptable(limits) + OVERHEAD),
  tooLong: (limits) => tooLarge("an encrypted secret", decryptable(limits) + OVERHEAD),
});

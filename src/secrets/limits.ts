import { tooLarge } from "../errors.ts";
import type { ValuesContract } from "../http/route.ts";
import { type Limits, limitsOf } from "../limits.ts";
import { OVERHEAD } from "./cipher.ts";

/** Bytes of a JSON string with so many bytes in base64, white space and escapes in it too. */
const textOf = (bytes: number) => 2 * bytes + 1024;

export const tooLargeSecret = ({ value }: Limits) => tooLarge("a secret", value);

/** Secrets that are to be encrypted. What is longer than the limit is refused here, so that it never has to be read. */
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

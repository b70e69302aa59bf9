/**
 * Bytes of a secret as the CLI encrypts it when it is an input or an output: as JSON. A secret of the configuration is encrypted without
 * quotation marks and escapes, and a program may make an output of it, so the limit applies to this size. A text in quotation marks is taken
 * for a string that the CLI has written already. Pure.
 */
export function jsonSize(plaintext: Uint8Array): number {
  const { length } = plaintext;
  if (length > 1 && plaintext[0] === QUOTE && plaintext[length - 1] === QUOTE) return length;
  let size = length + 2;
  for (let i = 0; i < length; i++) {
    const byte = plaintext[i]!;
    size += ADDED[byte]!;
    if (byte === 0xe2 && plaintext[i + 1] === 0x80 && (plaintext[i + 2]! | 1) === 0xa9) size += ESCAPE - 3;
  }
  return size;
}

/** No plaintext has a larger size. */
export const largestJsonSize = (length: number): number => ESCAPE * length + 2;

const QUOTE = 0x22;
/** Bytes of `\u0000`. */
const ESCAPE = 6;
const bytesOf = (characters: string) => [...characters].map((character) => character.charCodeAt(0));

/** Bytes that Go's encoder adds to a byte of a string. It escapes U+2028 and U+2029 too. Old releases write \b and \f as `\u0008` and `\u000c`. */
const ADDED = new Uint8Array(256);
ADDED.fill(ESCAPE - 1, 0, 0x20);
for (const byte of bytesOf("<>&")) ADDED[byte] = ESCAPE - 1;
for (const byte of bytesOf('"\\\n\r\t')) ADDED[byte] = 1;

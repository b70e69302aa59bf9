/**
 * Size of a secret as JSON, which is the form in which the CLI encrypts inputs and outputs. The CLI encrypts a secret of the configuration
 * without quotation marks and escapes, but a program may use it as an output. So the limit applies to the size as JSON. A text in quotation
 * marks counts as a string that the CLI has already written as JSON. Pure.
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

/** Upper bound of `jsonSize` for a plaintext of this length. */
export const largestJsonSize = (length: number): number => ESCAPE * length + 2;

const QUOTE = 0x22;
/** Number of bytes of `\u0000`. */
const ESCAPE = 6;
const bytesOf = (characters: string) => [...characters].map((character) => character.charCodeAt(0));

/**
 * Number of bytes by which Go's encoder lengthens each byte of a string. It escapes U+2028 and U+2029 too. Old releases write \b and \f as
 * `\u0008` and `\u000c`.
 */
const ADDED = new Uint8Array(256);
ADDED.fill(ESCAPE - 1, 0, 0x20);
for (const byte of bytesOf("<>&")) ADDED[byte] = ESCAPE - 1;
for (const byte of bytesOf('"\\\n\r\t')) ADDED[byte] = 1;

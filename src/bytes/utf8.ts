const options = { fatal: true, ignoreBOM: true } as const;
// ignoreBOM keeps a byte order mark in the text, so that JSON.parse refuses it, as Go does.
const decoder = new TextDecoder("utf-8", options);

/**
 * Number of bytes that are decoded at a time. To decode a longer text that is not ASCII, the runtime needs ten times its size in memory.
 */
const PIECE = 64 * 1024;

/** Decodes ASCII bytes in one piece: a text of several pieces would be copied when it is read. */
export const decodeAscii = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Decodes UTF-8. @throws TypeError for bytes that are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length <= PIECE) return decoder.decode(bytes);
  const inPieces = new TextDecoder("utf-8", options);
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) text += inPieces.decode(bytes.subarray(at, at + PIECE), { stream: true });
  return text + inPieces.decode();
}

/** A text in pieces: to concatenate them would be one more copy of the whole state. */
export type Pieces = readonly (Uint8Array | string)[];

/** JSON text that replaces a range of bytes. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** Replaces some ranges of the bytes. The ranges must not overlap. */
export function replaceRanges(bytes: Uint8Array, replacements: Replacement[]): Pieces {
  const pieces: (Uint8Array | string)[] = [];
  let last = 0;
  for (const { start, end, text } of replacements.sort((a, b) => a.start - b.start)) {
    pieces.push(bytes.subarray(last, start), text);
    last = end;
  }
  pieces.push(bytes.subarray(last));
  return pieces;
}

/** A text, piece by piece: to put it together first would be one more copy of the whole state. */
export type Pieces = readonly (Uint8Array | string)[];

/** JSON text to stand in the place of a range of bytes. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** The bytes with some ranges replaced; they must not overlap. */
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

/** A long text that changes a little at a time, as a list of pieces of texts that stay as they are (cli-protocol §4.7.2). */
import { StateError } from "./errors.ts";

/** Bytes `start` to `end` of stored text number `text`. */
export interface Piece {
  text: number;
  start: number;
  end: number;
}

/** Bytes `start` to `end` of the text before become `size` other ones. */
export interface Edit {
  start: number;
  end: number;
  size: number;
}

export const lengthOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { start, end }) => sum + end - start, 0);

/**
 * The text after edits, which must be in ascending order and must not overlap. What they bring in is text number `added`: their new bytes one
 * after the other.
 * @throws StateError for an edit out of order or beyond the text
 */
export function applyEdits(before: readonly Piece[], edits: readonly Edit[], added: number): Piece[] {
  const after: Piece[] = [];
  const source = new Source(before);
  let position = 0;
  let used = 0;
  for (const { start, end, size } of edits) {
    if (start < position || end < start) throw new StateError("the edits of a delta must be in order");
    source.take(start - position, after);
    source.take(end - start, undefined);
    push(after, { text: added, start: used, end: used + size });
    used += size;
    position = end;
  }
  source.take(Infinity, after);
  return after;
}

/** Hands out pieces from front to back. */
class Source {
  readonly #pieces: readonly Piece[];
  #next = 0;
  /** Bytes of the next piece that are gone. */
  #gone = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  take(bytes: number, to: Piece[] | undefined): void {
    while (bytes > 0) {
      const piece = this.#pieces[this.#next];
      if (!piece && bytes === Infinity) return;
      if (!piece) throw new StateError("a delta goes beyond the end of the text");
      const start = piece.start + this.#gone;
      const end = Math.min(piece.end, start + bytes);
      if (to) push(to, { text: piece.text, start, end });
      bytes -= end - start;
      this.#gone += end - start;
      if (end < piece.end) continue;
      this.#next++;
      this.#gone = 0;
    }
  }
}

/** Empty pieces are left out, and neighbours of one text are one piece. */
function push(pieces: Piece[], piece: Piece): void {
  if (piece.start === piece.end) return;
  const last = pieces.at(-1);
  if (last?.text === piece.text && last.end === piece.start) last.end = piece.end;
  else pieces.push(piece);
}

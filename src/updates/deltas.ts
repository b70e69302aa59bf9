import { free } from "../bytes/release.ts";
import { type Piece, lengthOf } from "../state/pieces.ts";
import type { Received } from "../coordinator/storage/bodyStore.ts";
import { PART } from "../coordinator/storage/bodyStore.ts";

/** The text that an update wrote last, in delta mode (cli-protocol §4.7). */
export interface WrittenText {
  /** `sequenceNumber` of the write. */
  sequence: number;
  /** SHA-256 of the text, in lower-case hex. */
  hash: string;
  pieces: Piece[];
  /** Bytes of all stored texts that the pieces are of. */
  stored: number;
}

/** A text that is not stored yet. */
export interface NewText {
  text: number;
  bytes: Uint8Array;
}

/** Beyond so many pieces, or so much more stored than the text is long, it is written anew as one. */
const MANY_PIECES = 2048;
const SPARE_BYTES = 4 * 1024 * 1024;

export const needsCompaction = ({ pieces, stored }: Pick<WrittenText, "pieces" | "stored">) =>
  pieces.length > MANY_PIECES || stored > 2 * lengthOf(pieces) + SPARE_BYTES;

/** Texts written by deltas: the bodies are stored as parts among what was received, here is what they make up. */
export class Deltas {
  readonly #sql: SqlStorage;
  readonly #received: Received;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(sql: SqlStorage, received: Received) {
    this.#sql = sql;
    this.#received = received;
    sql.exec("CREATE TABLE IF NOT EXISTS written_texts (update_id TEXT PRIMARY KEY, body TEXT NOT NULL)");
  }

  get(updateId: string): WrittenText | undefined {
    const [row] = this.#sql.exec<{ body: string }>("SELECT body FROM written_texts WHERE update_id = ?", updateId).toArray();
    return row && (JSON.parse(row.body) as WrittenText);
  }

  /** In one go with what was stored for it. Texts that only the one before had pieces of are dropped. */
  save(updateId: string, text: WrittenText): void {
    const kept = new Set(text.pieces.map((piece) => piece.text));
    for (const old of new Set(this.get(updateId)?.pieces.map((piece) => piece.text)))
      if (!kept.has(old)) this.#received.dropBatch(updateId, "text", old);
    this.#sql.exec("INSERT OR REPLACE INTO written_texts VALUES (?, ?)", updateId, JSON.stringify(text));
  }

  drop(updateId: string): void {
    this.#sql.exec("DELETE FROM written_texts WHERE update_id = ?", updateId);
    this.#received.drop(updateId, "text");
  }

  /** One write of an update at a time: a first attempt may still be at work when its retry comes. */
  turn<T>(updateId: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(updateId) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(updateId, settled);
    void settled.then(() => this.#turns.get(updateId) === settled && this.#turns.delete(updateId));
    return turn;
  }

  /** The text that pieces make up, of which one text may be in memory only. Each chunk is good until the next is asked for. */
  async *stream(updateId: string, pieces: readonly Piece[], added?: NewText): AsyncGenerator<Uint8Array> {
    let read: { text: number; part: number; bytes: Uint8Array } | undefined;
    for (const { text, start, end } of pieces) {
      if (text === added?.text) {
        yield added.bytes.subarray(start, end);
        continue;
      }
      for (let at = start; at < end;) {
        const part = Math.floor(at / PART);
        // Neighbouring pieces are often of one part.
        if (read?.text !== text || read.part !== part) {
          if (read) free(read.bytes);
          read = { text, part, bytes: this.#received.part(updateId, "text", text, part).bytes };
        }
        const until = Math.min(end, (part + 1) * PART);
        yield read.bytes.subarray(at - part * PART, until - part * PART);
        at = until;
      }
    }
    if (read) free(read.bytes);
  }
}

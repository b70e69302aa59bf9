import { encode } from "./json.ts";

const SIZE = 128 * 1024;

/** Collects small pieces into chunks of 128 KB or more, so that each chunk is worth its trip through a stream. */
export class Output {
  #bytes = new Uint8Array(SIZE);
  #used = 0;
  readonly #full: Uint8Array[] = [];

  write(piece: Uint8Array | string): void {
    const bytes = typeof piece === "string" ? encode(piece) : piece;
    if (this.#used + bytes.length > SIZE) {
      this.#flush();
      if (bytes.length >= SIZE / 2) return void this.#full.push(bytes);
    }
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  /** The chunks that are full. */
  take(): Uint8Array[] {
    return this.#full.splice(0);
  }

  /** What is left, at the end. */
  rest(): Uint8Array[] {
    this.#flush();
    return this.take();
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#bytes.subarray(0, this.#used));
    this.#bytes = new Uint8Array(SIZE);
    this.#used = 0;
  }
}

/** A stream with a result: `summary()` may be called once `chunks` has been read to its end. */
export interface Streamed<Summary> {
  chunks: AsyncIterable<Uint8Array>;
  summary(): Summary;
}

export function streamed<Summary>(generator: AsyncGenerator<Uint8Array, Summary>): Streamed<Summary> {
  let done: { summary: Summary } | undefined;
  async function* chunks() {
    done = { summary: yield* generator };
  }
  return {
    chunks: chunks(),
    summary() {
      if (!done) throw new Error("the stream has not been read to its end");
      return done.summary;
    },
  };
}

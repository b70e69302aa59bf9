import { releaseBuffer } from "./release.ts";

const CHUNK_SIZE = 128 * 1024;
const encoder = new TextEncoder();

/**
 * Collects pieces into chunks of 128 KB, because each chunk in a stream has a cost. The buffer of a chunk is reused or released when the
 * next chunk is requested.
 */
export class Output {
  #bytes = new Uint8Array(CHUNK_SIZE);
  #used = 0;
  #full: Uint8Array[] = [];
  #spare: Uint8Array<ArrayBuffer> | undefined;

  write(piece: Uint8Array | string): void {
    // No character takes more than three bytes.
    if (typeof piece !== "string") this.#copy(piece);
    else if (3 * piece.length > CHUNK_SIZE - this.#used) this.#copy(encoder.encode(piece));
    else this.#used += encoder.encodeInto(piece, this.#bytes.subarray(this.#used)).written;
  }

  #copy(bytes: Uint8Array): void {
    let at = 0;
    while (bytes.length - at > CHUNK_SIZE - this.#used) {
      this.#bytes.set(bytes.subarray(at, (at += CHUNK_SIZE - this.#used)), this.#used);
      this.#used = CHUNK_SIZE;
      this.#flush();
    }
    this.#bytes.set(at === 0 ? bytes : bytes.subarray(at), this.#used);
    this.#used += bytes.length - at;
  }

  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  /** The chunks that are full. Each is valid until the next one is requested. */
  *take(): Generator<Uint8Array, void> {
    const full = this.#full;
    this.#full = [];
    for (const chunk of full) {
      yield chunk;
      if (this.#spare) releaseBuffer(chunk.buffer);
      else this.#spare = new Uint8Array(chunk.buffer as ArrayBuffer);
    }
  }

  /** The remaining bytes, at the end. */
  rest(): Generator<Uint8Array, void> {
    this.#flush();
    return this.take();
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#bytes.subarray(0, this.#used));
    this.#bytes = this.#spare ?? new Uint8Array(CHUNK_SIZE);
    this.#spare = undefined;
    this.#used = 0;
  }
}

/** A stream with a result: `summary()` may be called once `chunks` has been read to its end. */
export interface Streamed<Summary> {
  /** The chunks may be read once. Each is valid until the next one is requested. */
  chunks: AsyncGenerator<Uint8Array, void>;
  readonly summary: () => Summary;
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

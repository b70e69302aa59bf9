import type { Ref } from "./item.ts";

/** The stored batches of an update's journal: the decoded JSON body of each request, as it came. */
export interface Journal {
  /** The batches in the order of their arrival. */
  batches(): Iterable<number> | AsyncIterable<number>;
  read(batch: number): Uint8Array | Promise<Uint8Array>;
}

/** The first batches stay: most journals are no larger, and are read twice. */
const STAYING_BYTES = 12 * 1024 * 1024;
/** Of a larger journal those used last, since neighbours in the state often arrived together. */
const RECENT_BYTES = 8 * 1024 * 1024;

/** Reads texts out of the journal, and keeps what is likely to be asked for again. */
export class Texts {
  readonly #journal: Journal;
  readonly #staying = new Map<number, Uint8Array>();
  #stays = 0;
  /** In order of use. */
  readonly #recent = new Map<number, Uint8Array>();
  #cached = 0;
  #latest: { batch: number; bytes: Uint8Array } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** A view; not a promise when the batch is at hand, because a promise for each of many thousand texts is felt. */
  get(ref: Ref): Uint8Array | Promise<Uint8Array> {
    const bytes = this.batch(ref.batch);
    return bytes instanceof Uint8Array ? bytes.subarray(ref.start, ref.end) : bytes.then((read) => read.subarray(ref.start, ref.end));
  }

  batch(batch: number): Uint8Array | Promise<Uint8Array> {
    if (this.#latest?.batch === batch) return this.#latest.bytes;
    const stays = this.#staying.get(batch);
    if (stays) return this.#remember(batch, stays);
    const recent = this.#recent.get(batch);
    if (recent) return this.#use(batch, recent);
    const bytes = this.#journal.read(batch);
    return bytes instanceof Uint8Array ? this.#keep(batch, bytes) : bytes.then((read) => this.#keep(batch, read));
  }

  /**
   * For a reading from front to back. What does not stay is not kept as recent: it would outlive V8's young generation, and be
   * garbage until the next full collection, which 200 MB of buffers do not bring about.
   */
  pass(batch: number): Uint8Array | Promise<Uint8Array> {
    if (this.#stays >= STAYING_BYTES) return this.#journal.read(batch);
    return this.batch(batch);
  }

  #keep(batch: number, bytes: Uint8Array): Uint8Array {
    if (this.#stays + bytes.length <= STAYING_BYTES) {
      this.#stays += bytes.length;
      this.#staying.set(batch, bytes);
      return this.#remember(batch, bytes);
    }
    this.#stays = STAYING_BYTES; // full: a later, smaller one shall not push in
    this.#cached += bytes.length;
    for (const [old, { length }] of this.#recent) {
      if (this.#cached <= RECENT_BYTES) break;
      this.#recent.delete(old);
      this.#cached -= length;
    }
    return this.#use(batch, bytes);
  }

  #use(batch: number, bytes: Uint8Array): Uint8Array {
    this.#recent.delete(batch);
    this.#recent.set(batch, bytes);
    return this.#remember(batch, bytes);
  }

  #remember(batch: number, bytes: Uint8Array): Uint8Array {
    this.#latest = { batch, bytes };
    return bytes;
  }
}

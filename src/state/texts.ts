import type { Ref } from "./item.ts";

/** The stored batches of an update's journal: the decoded JSON body of each request, as it came. */
export interface Journal {
  /** The batches in the order of their arrival. */
  batches(): Iterable<number> | AsyncIterable<number>;
  read(batch: number): Uint8Array | Promise<Uint8Array>;
}

const CACHE_BYTES = 8 * 1024 * 1024;

/** Reads texts out of the journal and keeps the batches used last, since neighbours in the state often arrived together. */
export class Texts {
  readonly #journal: Journal;
  /** In order of use. */
  readonly #cache = new Map<number, Uint8Array>();
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
    const cached = this.#cache.get(batch);
    if (cached) return this.#use(batch, cached);
    const bytes = this.#journal.read(batch);
    return bytes instanceof Uint8Array ? this.#keep(batch, bytes) : bytes.then((read) => this.#keep(batch, read));
  }

  #keep(batch: number, bytes: Uint8Array): Uint8Array {
    this.#cached += bytes.length;
    for (const [old, { length }] of this.#cache) {
      if (this.#cached <= CACHE_BYTES) break;
      this.#cache.delete(old);
      this.#cached -= length;
    }
    return this.#use(batch, bytes);
  }

  #use(batch: number, bytes: Uint8Array): Uint8Array {
    this.#cache.delete(batch);
    this.#cache.set(batch, bytes);
    this.#latest = { batch, bytes };
    return bytes;
  }
}

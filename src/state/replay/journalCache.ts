import { release } from "../../bytes/release.ts";
import type { Ref } from "./resourceRef.ts";

/** The stored batches of an update's journal: the decoded JSON body of each request. */
export interface Journal {
  /** The batches in the order of their arrival. */
  batches(): Iterable<number> | AsyncIterable<number>;
  /** Reads a batch into bytes that the reader owns. */
  read(batch: number): Uint8Array | Promise<Uint8Array>;
}

/** Maximum number of bytes of the first batches, which stay in the cache: most journals are not larger and are read twice. */
const STAYING_BYTES = 12 * 1024 * 1024;
/** In a journal of this size the first batches save little time, so they are released. */
const LARGE_BYTES = 4 * STAYING_BYTES;
/** Maximum number of bytes of the batches used last: resources that are adjacent in the state often arrived in the same batch. */
const RECENT_BYTES = 4 * 1024 * 1024;
const LEAST_ROOM = 64 * 1024;

/** Reads texts from the journal, and caches batches that are likely to be needed again. */
export class JournalCache {
  readonly #journal: Journal;
  readonly #staying = new Map<number, Uint8Array>();
  #stays = 0;
  /** Total bytes of reads of batches that did not stay. */
  #passed = 0;
  /** Batches in the order of their last use. */
  readonly #recent = new Map<number, Room>();
  /** Bytes of the buffers in `#recent`. */
  #cached = 0;
  #latest: { batch: number; bytes: Uint8Array } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /**
   * Returns a view that is valid until the next call, because the buffer may then be reused. It returns a promise only when the batch is
   * not in memory: a promise for each of many thousand texts would cost too much time.
   */
  get(ref: Ref): Uint8Array | Promise<Uint8Array> {
    const bytes = this.batch(ref.batch);
    return bytes instanceof Uint8Array ? bytes.subarray(ref.start, ref.end) : bytes.then((read) => read.subarray(ref.start, ref.end));
  }

  /** Reads a whole batch. */
  batch(batch: number): Uint8Array | Promise<Uint8Array> {
    if (this.#latest?.batch === batch) return this.#latest.bytes;
    const stays = this.#staying.get(batch);
    if (stays) return this.#remember(batch, stays);
    const recent = this.#recent.get(batch);
    if (recent) return this.#use(batch, recent);
    const bytes = this.#journal.read(batch);
    return bytes instanceof Uint8Array ? this.#keep(batch, bytes) : bytes.then((read) => this.#keep(batch, read));
  }

  #letGo(): void {
    for (const bytes of this.#staying.values()) release(bytes);
    this.#staying.clear();
  }

  /** Call this after the last read. */
  release(): void {
    this.#letGo();
    for (const { buffer } of this.#recent.values()) release(buffer);
  }

  #keep(batch: number, bytes: Uint8Array): Uint8Array {
    if (this.#stays + bytes.length <= STAYING_BYTES) {
      this.#stays += bytes.length;
      this.#staying.set(batch, bytes);
      return this.#remember(batch, bytes);
    }
    this.#stays = STAYING_BYTES; // full, so that a later, smaller batch is not added
    this.#passed += bytes.length;
    if (this.#passed > LARGE_BYTES && this.#staying.size > 0) this.#letGo();
    if (bytes.length > RECENT_BYTES) return this.#use(batch, this.#adopt(bytes));
    const room = this.#makeRoom(bytes.length);
    room.length = bytes.length;
    room.buffer.set(bytes);
    release(bytes);
    return this.#use(batch, room);
  }

  /**
   * Returns a buffer for a batch: if possible, the buffer of the batch that was unused for the longest time. New buffers for each of a
   * thousand batches would become old in V8's terms, and be garbage until the next full collection, which buffers do not cause.
   */
  #makeRoom(size: number): Room {
    const wanted = Math.max(LEAST_ROOM, 2 ** Math.ceil(Math.log2(size)));
    let room: Room | undefined;
    for (const [old, its] of this.#recent) {
      if (this.#cached + wanted <= RECENT_BYTES) break;
      this.#recent.delete(old);
      this.#cached -= its.buffer.length;
      if (its.buffer.length === wanted) room = its;
      else release(its.buffer);
    }
    this.#cached += wanted;
    return room ?? { buffer: new Uint8Array(wanted), length: 0 };
  }

  /** Caches a large batch without a copy. It replaces all other recent batches. */
  #adopt(bytes: Uint8Array): Room {
    for (const { buffer } of this.#recent.values()) release(buffer);
    this.#recent.clear();
    this.#cached = bytes.length;
    return { buffer: bytes, length: bytes.length };
  }

  #use(batch: number, room: Room): Uint8Array {
    this.#recent.delete(batch);
    this.#recent.set(batch, room);
    return this.#remember(batch, room.buffer.subarray(0, room.length));
  }

  #remember(batch: number, bytes: Uint8Array): Uint8Array {
    this.#latest = { batch, bytes };
    return bytes;
  }
}

/** A buffer and the number of its bytes in use. */
interface Room {
  buffer: Uint8Array;
  length: number;
}

import { release } from "../../bytes/release.ts";
import type { Ref } from "./resourceRef.ts";

/** The stored batches of an update's journal: the decoded JSON body of each request, as it came. */
export interface Journal {
  /** The batches in the order of their arrival. */
  batches(): Iterable<number> | AsyncIterable<number>;
  /** Bytes that are the reader's own. */
  read(batch: number): Uint8Array | Promise<Uint8Array>;
}

/** The first batches stay: most journals are no larger, and are read twice. */
const STAYING_BYTES = 12 * 1024 * 1024;
/** Of a journal so large they save little, and are let go. */
const LARGE_BYTES = 4 * STAYING_BYTES;
/** Of a larger journal those used last, since neighbours in the state often arrived together. */
const RECENT_BYTES = 4 * 1024 * 1024;
const LEAST_ROOM = 64 * 1024;

/** Reads texts out of the journal, and keeps what is likely to be asked for again. */
export class JournalCache {
  readonly #journal: Journal;
  readonly #staying = new Map<number, Uint8Array>();
  #stays = 0;
  /** Bytes that did not stay, each time they were read. */
  #passed = 0;
  /** In order of use. */
  readonly #recent = new Map<number, Room>();
  /** Bytes of the recent ones' buffers. */
  #cached = 0;
  #latest: { batch: number; bytes: Uint8Array } | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /**
   * A view, to be used before anything else is asked for: its buffer may then hold another batch. Not a promise when the batch is at hand,
   * because a promise for each of many thousand texts is felt.
   */
  get(ref: Ref): Uint8Array | Promise<Uint8Array> {
    const bytes = this.batch(ref.batch);
    return bytes instanceof Uint8Array ? bytes.subarray(ref.start, ref.end) : bytes.then((read) => read.subarray(ref.start, ref.end));
  }

  /** As `get`, the whole of a batch. */
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

  /** To be called when nothing more is asked for. */
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
    this.#stays = STAYING_BYTES; // full: a later, smaller one shall not push in
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
   * In the buffer of one that has not been used for long, where it fits. Buffers that are kept for a while outlive V8's young generation; new ones for
   * each of a thousand batches would then be garbage until the next full collection, which they do not bring about.
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

  /** Takes the place of all others: such a batch is not copied. */
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

/** A buffer and how many of its bytes are in use. */
interface Room {
  buffer: Uint8Array;
  length: number;
}

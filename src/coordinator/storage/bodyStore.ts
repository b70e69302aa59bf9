import type { BodyEncoding } from "../../http/body.ts";
import { inflate, inflated } from "../../http/body.ts";
import type { Limits } from "../../limits.ts";
import { release, releaseBuffer } from "../../bytes/release.ts";
import { concat } from "../../state/json/json.ts";
import type { Journal } from "../../state/replay/journalCache.ts";

export type ReceivedKind = "journal" | "checkpoint" | "events";

/** SQLite accepts buffers and not views. */
const wholeBuffer = (bytes: Uint8Array) => (bytes.length === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer;

/** Number of bytes of each part of a body except the last. A value in SQLite has at most 2 MB (platform-facts D-2). */
export const PART = 1_500_000;

/**
 * The acknowledged request bodies of updates. They are checked on arrival and stored as received. A body that is larger than a row is
 * stored in parts.
 */
export class BodyStore {
  readonly limits: Limits;
  readonly #sql: SqlStorage;
  readonly #last = new Map<string, number>();

  constructor(sql: SqlStorage, limits: Limits) {
    this.#sql = sql;
    this.limits = limits;
  }

  /** Appends a batch. A retried batch is stored again; the sequence ids of its entries identify it later. */
  append(updateId: string, kind: ReceivedKind, encoding: BodyEncoding, body: Uint8Array): void {
    const batch = this.nextBatch(updateId, kind);
    for (let part = 0; part === 0 || part * PART < body.length; part++)
      this.putPart(updateId, kind, batch, part, encoding, body.subarray(part * PART, (part + 1) * PART));
  }

  /** Returns the number of a new batch. Numbers increase and are never used twice, even by concurrent requests. */
  nextBatch(updateId: string, kind: ReceivedKind): number {
    const key = `${kind}/${updateId}`;
    const next = (this.#last.get(key) ?? this.batches(updateId, kind).at(-1) ?? 0) + 1;
    this.#last.set(key, next);
    return next;
  }

  putPart(updateId: string, kind: ReceivedKind, batch: number, part: number, encoding: BodyEncoding, bytes: Uint8Array): void {
    const buffer = wholeBuffer(bytes);
    this.#sql.exec("INSERT INTO received VALUES (?, ?, ?, ?, ?, ?)", updateId, kind, batch, part, encoding, buffer);
    if (buffer !== bytes.buffer) releaseBuffer(buffer);
  }

  batches(updateId: string, kind: ReceivedKind): number[] {
    return this.#sql
      .exec<{ batch: number }>("SELECT DISTINCT batch FROM received WHERE update_id = ? AND kind = ? ORDER BY batch", updateId, kind)
      .toArray()
      .map((row) => row.batch);
  }

  /** The parts of one body as received, with their encoding. */
  *parts(updateId: string, kind: ReceivedKind, batch: number): Generator<{ encoding: BodyEncoding; bytes: Uint8Array }> {
    const count = this.#sql
      .exec<{ n: number }>("SELECT count(*) AS n FROM received WHERE update_id = ? AND kind = ? AND batch = ?", updateId, kind, batch)
      .one().n;
    for (let part = 0; part < count; part++) yield this.part(updateId, kind, batch, part);
  }

  part(updateId: string, kind: ReceivedKind, batch: number, part: number): { encoding: BodyEncoding; bytes: Uint8Array } {
    const row = this.#sql
      .exec<{ encoding: BodyEncoding; body: ArrayBuffer }>(
        "SELECT encoding, body FROM received WHERE update_id = ? AND kind = ? AND batch = ? AND part = ?",
        updateId,
        kind,
        batch,
        part,
      )
      .one();
    return { encoding: row.encoding, bytes: new Uint8Array(row.body) };
  }

  /** One whole body, inflated. Its size was checked on arrival; only events may have been stored unchecked. */
  read(updateId: string, kind: ReceivedKind, batch: number): Uint8Array {
    const parts = this.#sql
      .exec<{ encoding: BodyEncoding; body: ArrayBuffer }>(
        "SELECT encoding, body FROM received WHERE update_id = ? AND kind = ? AND batch = ? ORDER BY part",
        updateId,
        kind,
        batch,
      )
      .toArray()
      .map(({ encoding, body }) => ({ encoding, bytes: new Uint8Array(body) }));
    const first = parts[0];
    if (!first) throw new Error(`batch ${batch} of ${kind} is missing`);
    const whole = concat(parts.map((part) => part.bytes));
    if (whole !== first.bytes) for (const part of parts) release(part.bytes);
    const bytes = inflate(whole, first.encoding, kind === "events" ? this.limits.batch : undefined);
    if (bytes !== whole) release(whole);
    return bytes;
  }

  /** One body as a stream, inflated, because it may be too large for memory. Each chunk is valid until the next one is requested. */
  stream(updateId: string, kind: ReceivedKind, batch: number): AsyncGenerator<Uint8Array> {
    const raw = this.raw(updateId, kind, batch);
    return this.encodingOf(updateId, kind, batch) === "gzip" ? inflated(raw) : raw;
  }

  encodingOf(updateId: string, kind: ReceivedKind, batch: number): BodyEncoding {
    return this.#sql
      .exec<{ encoding: BodyEncoding }>(
        "SELECT encoding FROM received WHERE update_id = ? AND kind = ? AND batch = ? AND part = 0",
        updateId,
        kind,
        batch,
      )
      .one().encoding;
  }

  /** One body as received. Each chunk is valid until the next one is requested. */
  async *raw(updateId: string, kind: ReceivedKind, batch: number): AsyncGenerator<Uint8Array> {
    for (const { bytes } of this.parts(updateId, kind, batch)) {
      yield bytes;
      release(bytes);
    }
  }

  /** The bodies of one kind, for a reader of the texts in them. */
  bodies(updateId: string, kind: ReceivedKind): Journal {
    return {
      batches: () => this.batches(updateId, kind),
      read: (batch) => this.read(updateId, kind, batch),
    };
  }

  dropBatch(updateId: string, kind: ReceivedKind, batch: number): void {
    this.#sql.exec("DELETE FROM received WHERE update_id = ? AND kind = ? AND batch = ?", updateId, kind, batch);
  }

  dropBefore(updateId: string, kind: ReceivedKind, batch: number): void {
    this.#sql.exec("DELETE FROM received WHERE update_id = ? AND kind = ? AND batch < ?", updateId, kind, batch);
  }

  drop(updateId: string, kind: ReceivedKind): void {
    this.#last.delete(`${kind}/${updateId}`);
    this.#sql.exec("DELETE FROM received WHERE update_id = ? AND kind = ?", updateId, kind);
  }
}

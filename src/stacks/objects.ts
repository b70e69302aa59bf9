import { callBinding } from "../db/binding.ts";
import { unavailable } from "../errors.ts";
import { chunksOf } from "../bytes/chunks.ts";
import { release } from "../bytes/release.ts";
import { concat } from "../state/json/json.ts";
import { Yielder } from "../bytes/yielder.ts";
import { log, logError } from "../log.ts";

/**
 * Deployments in R2 as plain JSON text. Each version has its own object `state/<random id>`, which is never overwritten. The object is
 * written before the row that names it, so a row never names a missing object. An object that no row names is an orphan and is swept.
 */
export const newStateKey = () => `state/${crypto.randomUUID()}`;

/** Key of the state that a stack was created with. No update names this object; its key contains the stack's id, so it is never swept. */
export const initialStateKey = (stackId: string) => `initial/${stackId}`;

/**
 * Number of bytes of a part. An object of less than two parts is written at once, with one call instead of four. A larger one is sent in parts,
 * and from the third part on only one is in memory (docs/decisions/0031).
 */
const PART = 16 * 1024 * 1024;
const WHOLE = 2 * PART;
/** Number of bytes of a buffer; `PART` is a multiple of it. */
const PIECE = 128 * 1024;
/** Number of bytes between two pauses in which other requests of the isolate can run. */
const YIELD_AFTER = 1024 * 1024;

/**
 * Writes a stream of unknown length. Each chunk is copied at once, so the stream may reuse its buffer.
 * @throws 503 when R2 fails; errors of the stream are passed on
 */
export async function writeObject(bucket: R2Bucket, key: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let upload: R2MultipartUpload | undefined;
  const sent: R2UploadedPart[] = [];
  const held = new Held();
  const yielder = new Yielder(YIELD_AFTER);
  const sendParts = async () => {
    const open = (upload ??= await store(() => bucket.createMultipartUpload(key, { httpMetadata: { contentType: "application/json" } })));
    for (const part of held.parts()) sent.push(await store(() => open.uploadPart(sent.length + 1, part)));
    return open;
  };
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(held.fill(rest));
        if (held.isFull) await sendParts();
      }
      await yielder.spend(chunk.length);
    }
    if (upload) {
      const open = await sendParts();
      await store(() => open.complete(sent));
    } else await store(() => bucket.put(key, held.whole(), { httpMetadata: { contentType: "application/json" } }));
    held.release();
  } catch (error) {
    await upload?.abort().catch(() => undefined);
    throw error;
  }
}

/** Writes a small object. @throws 503 when R2 fails */
export const putObject = (bucket: R2Bucket, key: string, bytes: Uint8Array): Promise<unknown> =>
  store(() => bucket.put(key, bytes, { httpMetadata: { contentType: "application/json" } }));

/** Bytes in memory as a stream of one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

/**
 * The bytes that are not sent yet, in several buffers, which the next part reuses. New buffers for 200 MB would be garbage until V8's next full
 * collection, which buffers do not cause. One buffer for a whole part would be too large for the gaps in freed memory.
 */
class Held {
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  #most = WHOLE;

  get isFull(): boolean {
    return this.#size === this.#most;
  }

  /** @returns the number of bytes that were copied; the caller must pass the remaining bytes again */
  fill(bytes: Uint8Array): number {
    const used = this.#size % PIECE;
    const piece = (this.#pieces[(this.#size - used) / PIECE] ??= new Uint8Array(PIECE));
    const taken = Math.min(bytes.length, PIECE - used);
    piece.set(taken < bytes.length ? bytes.subarray(0, taken) : bytes, used);
    this.#size += taken;
    return taken;
  }

  /** All bytes. */
  whole(): Uint8Array | ReadableStream {
    return this.#between(0, this.#size);
  }

  /** The bytes in parts, each of which must be sent before the next one is requested. Afterwards one part is in memory, not two. */
  *parts(): Generator<Uint8Array | ReadableStream> {
    for (let at = 0; at < this.#size; at += PART) yield this.#between(at, Math.min(at + PART, this.#size));
    this.#size = 0;
    this.#most = PART;
    for (const piece of this.#pieces.splice(PART / PIECE)) release(piece);
  }

  /** Many bytes are a stream, so that they are not in memory twice. @param start a multiple of `PIECE` */
  #between(start: number, end: number): Uint8Array | ReadableStream {
    const pieces = this.#pieces
      .slice(start / PIECE, Math.ceil(end / PIECE))
      .map((piece, i) => piece.subarray(0, Math.min(PIECE, end - start - i * PIECE)));
    return end - start < YIELD_AFTER ? concat(pieces) : streamOf(pieces, end - start);
  }

  /** Releases the memory after everything was sent. */
  release(): void {
    for (const piece of this.#pieces) release(piece);
  }
}

/** A stream of known length, as R2 requires (platform-facts R-4). */
function streamOf(pieces: readonly Uint8Array[], size: number): ReadableStream {
  const { readable, writable } = new FixedLengthStream(size);
  const send = async () => {
    const writer = writable.getWriter();
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  };
  // The reader of the stream receives the same error.
  send().catch(() => undefined);
  return readable;
}

/** @throws 503 when R2 fails, or when the object is missing although a row names it */
export async function readObject(bucket: R2Bucket, key: string): Promise<R2ObjectBody> {
  const object = await store(() => bucket.get(key));
  if (object) return object;
  log("state object is missing", { key });
  throw unavailable("the state of this version");
}

/** An object in chunks, each valid until the next one is requested. Errors are those of `readObject`, even if R2 fails in the middle. */
export const readChunks = async (bucket: R2Bucket, key: string) => untilItFails(chunksOf((await readObject(bucket, key)).body));

async function* untilItFails(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* chunks;
  } catch (error) {
    logError("the state store failed", error);
    throw unavailable("the state store");
  }
}

/**
 * A part of an object, or all of it; undefined when there is no such object.
 * @throws 503 when R2 fails
 */
export async function readRange(
  bucket: R2Bucket,
  key: string,
  offset = 0,
  length?: number,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const range = length === undefined ? { offset } : { offset, length };
  return (await store(() => bucket.get(key, { range })))?.body;
}

/**
 * A part of an object, in memory.
 * @throws 503 when R2 fails, or when the object is missing or shorter although a row names it
 */
export async function readPart(bucket: R2Bucket, key: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await store(async () => (await bucket.get(key, { range: { offset, length } }))?.arrayBuffer());
  if (bytes?.byteLength === length) return new Uint8Array(bytes);
  log("state object is missing or too short", { key });
  throw unavailable("the state of this version");
}

const store = <T>(operation: () => Promise<T>): Promise<T> => callBinding("the state store", operation);

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
 * Number of bytes of a part. A larger object is sent in parts, and only one part is in memory. The local simulator reads objects of one
 * part seven times as fast.
 */
const PART = 16 * 1024 * 1024;
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
  const parts: R2UploadedPart[] = [];
  const part = new PartBuffer();
  const yielder = new Yielder(YIELD_AFTER);
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(part.fill(rest));
        if (!part.isFull) continue;
        upload ??= await store(() => bucket.createMultipartUpload(key, { httpMetadata: { contentType: "application/json" } }));
        const open = upload;
        parts.push(await store(() => open.uploadPart(parts.length + 1, part.take())));
      }
      await yielder.spend(chunk.length);
    }
    if (!upload) {
      await store(() => bucket.put(key, part.take(), { httpMetadata: { contentType: "application/json" } }));
    } else {
      const open = upload;
      if (!part.isEmpty) parts.push(await store(() => open.uploadPart(parts.length + 1, part.take())));
      await store(() => open.complete(parts));
    }
    part.release();
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
 * The bytes of one part in several buffers, which the next part reuses. New buffers for 200 MB would be garbage until V8's next full
 * collection, which buffers do not cause. One buffer for a whole part would be too large for the gaps in freed memory.
 */
class PartBuffer {
  readonly #pieces: Uint8Array[] = [];
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** All parts but the last must be equally long. */
  get isFull(): boolean {
    return this.#size === PART;
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

  /** Returns the part, which must be sent before the next `fill`. A large part is a stream, so that it is not in memory twice. */
  take(): Uint8Array | ReadableStream {
    const size = this.#size;
    this.#size = 0;
    const pieces = this.#pieces.slice(0, Math.ceil(size / PIECE)).map((piece, i) => piece.subarray(0, size - i * PIECE));
    return size < YIELD_AFTER ? concat(pieces) : streamOf(pieces, size);
  }

  /** Releases the memory after the last part was sent. */
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

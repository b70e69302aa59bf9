import { callBinding } from "../db/binding.ts";
import { unavailable } from "../errors.ts";
import { chunksOf } from "../bytes/chunks.ts";
import { free } from "../bytes/release.ts";
import { concat } from "../state/json/json.ts";
import { Turn } from "../bytes/yielder.ts";
import { log, logError } from "../log.ts";

/**
 * Deployments in R2, plain JSON text, one object per version and never written twice: `state/<random id>`. Object first,
 * pointer second: an object that no row names is an orphan and is swept; a row never names an object that is not there.
 */
export const newStateKey = () => `state/${crypto.randomUUID()}`;

/** The state that a stack was created with; no update names it, so it is the stack's for good by its key. */
export const initialStateKey = (stackId: string) => `initial/${stackId}`;

/**
 * Above this many bytes an object is sent in parts, and no more than this is ever held. Objects of one part are read back
 * seven times as fast by the local simulator.
 */
const PART = 16 * 1024 * 1024;
/** Bytes of a part that are in one buffer; `PART` is a multiple. */
const PIECE = 128 * 1024;
/** Bytes between two pauses in which other requests of the isolate have their turn. */
const TURN = 1024 * 1024;

/**
 * Writes a stream of unknown length. A chunk is copied when it comes, so its sender may use its buffer again.
 * @throws 503 when R2 fails; what the stream itself throws comes through
 */
export async function writeObject(bucket: R2Bucket, key: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let upload: R2MultipartUpload | undefined;
  const parts: R2UploadedPart[] = [];
  const part = new PartBuffer();
  const turn = new Turn(TURN);
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(part.fill(rest));
        if (!part.isFull) continue;
        upload ??= await store(() => bucket.createMultipartUpload(key, { httpMetadata: { contentType: "application/json" } }));
        const open = upload;
        parts.push(await store(() => open.uploadPart(parts.length + 1, part.take())));
      }
      await turn.spend(chunk.length);
    }
    if (!upload) {
      await store(() => bucket.put(key, part.take(), { httpMetadata: { contentType: "application/json" } }));
    } else {
      const open = upload;
      if (!part.isEmpty) parts.push(await store(() => open.uploadPart(parts.length + 1, part.take())));
      await store(() => open.complete(parts));
    }
    part.free();
  } catch (error) {
    await upload?.abort().catch(() => undefined);
    throw error;
  }
}

/** Writes a small object. @throws 503 when R2 fails */
export const putObject = (bucket: R2Bucket, key: string, bytes: Uint8Array): Promise<unknown> =>
  store(() => bucket.put(key, bytes, { httpMetadata: { contentType: "application/json" } }));

/** A text that is in memory, as a stream of one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * The bytes of one part, in pieces that are used again for the next: new ones for 200 MB would outlive V8's young generation and be garbage until a
 * full collection, which they do not bring about; and one buffer for a whole part is more than freed memory has in one place.
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

  /** @returns how many of the bytes were taken; the others are to be given again */
  fill(bytes: Uint8Array): number {
    const used = this.#size % PIECE;
    const piece = (this.#pieces[(this.#size - used) / PIECE] ??= new Uint8Array(PIECE));
    const taken = Math.min(bytes.length, PIECE - used);
    piece.set(taken < bytes.length ? bytes.subarray(0, taken) : bytes, used);
    this.#size += taken;
    return taken;
  }

  /** To be sent before the next bytes come. Large bodies as a stream, so that they need not be in memory twice. */
  take(): Uint8Array | ReadableStream {
    const size = this.#size;
    this.#size = 0;
    const pieces = this.#pieces.slice(0, Math.ceil(size / PIECE)).map((piece, i) => piece.subarray(0, size - i * PIECE));
    return size < TURN ? concat(pieces) : streamOf(pieces, size);
  }

  /** When all has been sent. */
  free(): void {
    for (const piece of this.#pieces) free(piece);
  }
}

/** R2 wants to know how long it is (platform-facts R-4). */
function streamOf(pieces: readonly Uint8Array[], size: number): ReadableStream {
  const { readable, writable } = new FixedLengthStream(size);
  const send = async () => {
    const writer = writable.getWriter();
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  };
  // Whoever reads it is told the same error.
  send().catch(() => undefined);
  return readable;
}

/** @throws 503 when R2 fails or the object is not there, which no row should let happen */
export async function readObject(bucket: R2Bucket, key: string): Promise<R2ObjectBody> {
  const object = await store(() => bucket.get(key));
  if (object) return object;
  log("state object is missing", { key });
  throw unavailable("the state of this version");
}

/** Its bytes, each chunk good until the next is asked for. As `readObject` otherwise, also when R2 fails in the middle. */
export const readChunks = async (bucket: R2Bucket, key: string) => untilItFails(chunksOf((await readObject(bucket, key)).body));

async function* untilItFails(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
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

const store = <T>(operation: () => Promise<T>): Promise<T> => callBinding("the state store", operation);

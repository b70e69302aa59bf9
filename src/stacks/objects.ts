import { unavailable } from "../errors.ts";
import { concat } from "../state/json.ts";
import { Turn } from "../state/turn.ts";
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
/** Bytes between two pauses in which other requests of the isolate have their turn. */
const TURN = 1024 * 1024;

/**
 * Writes a stream of unknown length.
 * @throws 503 when R2 fails; what the stream itself throws comes through
 */
export async function writeObject(bucket: R2Bucket, key: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let upload: R2MultipartUpload | undefined;
  const parts: R2UploadedPart[] = [];
  let held: Uint8Array[] = [];
  let size = 0;
  const turn = new Turn(TURN);
  const take = () => {
    const part = { bytes: size, body: oneBody(held, size) };
    held = [];
    size = 0;
    return part;
  };
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        // All parts but the last must be equally long.
        const piece = rest.subarray(0, PART - size);
        held.push(piece);
        size += piece.length;
        rest = rest.subarray(piece.length);
        if (size === PART) {
          upload ??= await store(() => bucket.createMultipartUpload(key, { httpMetadata: { contentType: "application/json" } }));
          const open = upload;
          const part = take();
          parts.push(await store(() => open.uploadPart(parts.length + 1, part.body)));
        }
      }
      await turn.spend(chunk.length);
    }
    const last = take();
    if (!upload) {
      await store(() => bucket.put(key, last.body, { httpMetadata: { contentType: "application/json" } }));
      return;
    }
    const open = upload;
    if (last.bytes > 0) parts.push(await store(() => open.uploadPart(parts.length + 1, last.body)));
    await store(() => open.complete(parts));
  } catch (error) {
    await upload?.abort().catch(() => undefined);
    throw error;
  }
}

/** Large bodies as a stream, so that they need not be in memory twice. R2 wants to know how long it is (platform-facts R-4). */
function oneBody(pieces: Uint8Array[], size: number): Uint8Array | ReadableStream {
  if (size < TURN) return concat(pieces);
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

async function store<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    logError("state store failed", error);
    throw unavailable("the state store");
  }
}

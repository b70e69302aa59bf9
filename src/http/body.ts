import { type Gunzip, createGunzip, gunzipSync } from "node:zlib";
import { requestChunks } from "../bytes/chunks.ts";
import { inTime } from "./discard.ts";
import { badRequest, tooLarge } from "../errors.ts";
import { free, freeBuffer } from "../bytes/release.ts";
import { concat } from "../state/json/json.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";

/**
 * The body as it was meant, chunk by chunk, each good until the next is asked for: inflated when it came gzipped (Workers do not decode requests), cut off at
 * `limit` bytes counted before and after, so that a small bomb is refused as a large body is.
 * @param limit bytes
 * @throws 413, 400 for what is not gzip
 */
export async function* bodyStream(request: Request, limit: number): AsyncGenerator<Uint8Array> {
  const encoding = encodingOf(request);
  const counted = limited(requestChunks(request.body), limit);
  yield* encoding === "identity" ? counted : limited(inflated(counted), limit);
}

/** @throws 413 as soon as there are more than `limit` bytes */
export async function* limited(chunks: AsyncIterable<Uint8Array>, limit: number, what = "the body"): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.byteLength;
    if (seen > limit) throw tooLarge(what, limit);
    yield chunk;
  }
}

/**
 * What gzip stands for, no faster than it is read: a `DecompressionStream` would inflate all that has arrived, wait or no wait. The next chunk
 * is asked for when the one before is used up.
 * @throws 400 for what is not gzip
 */
export async function* inflated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  // What goes wrong on either side comes out of `gunzip`.
  const fed = feed(chunks, gunzip).catch((error: Error) => void gunzip.destroy(error));
  try {
    let last: Uint8Array | undefined;
    for await (const chunk of gunzip) {
      // What was inflated into another buffer has been used.
      if (last && last.buffer !== chunk.buffer) freeBuffer(last.buffer);
      last = chunk;
      // Not as Node's own kind of bytes, whose `slice` makes no copy.
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith("Z_")) throw badRequest("the body is not valid gzip");
    throw error;
  } finally {
    // The body has no reader any more from then on, so that `discard` can read the rest.
    gunzip.destroy();
    await inTime(fed);
  }
}

async function feed(chunks: AsyncIterable<Uint8Array>, gunzip: Gunzip): Promise<void> {
  let goOn = () => {};
  // Not every write is answered when the reader has given up.
  gunzip.once("close", () => goOn());
  for await (const chunk of chunks) {
    if (gunzip.destroyed) return;
    await new Promise<void>((next) => {
      goOn = next;
      gunzip.write(chunk, () => next());
    });
    if (gunzip.destroyed) return;
  }
  gunzip.end();
}

export interface Body {
  /** The bytes as they came. */
  raw: Uint8Array;
  encoding: BodyEncoding;
  /** The same bytes, inflated. */
  bytes: Uint8Array;
}

/**
 * Reads the whole body into memory, and gives the memory back when `use` has ended or the body is refused. For a body that is small, or has to be in memory.
 * @param limit bytes, before and after inflating
 */
export async function useBody<T>(request: Request, limit: number, use: (body: Body) => T | Promise<T>): Promise<T> {
  const encoding = encodingOf(request);
  const raw = await receive(request, limit);
  let bytes = raw;
  try {
    bytes = inflate(raw, encoding, limit);
    return await use({ raw, encoding, bytes });
  } finally {
    free(bytes);
    free(raw);
  }
}

/** The body as it came, refused as soon as it is longer than `limit` bytes. */
export async function receive(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get("Content-Length");
  if (declared !== null) {
    // HTTP framing holds the sender to the length, so the runtime may read it in one go.
    if (Number(declared) > limit) throw tooLarge("the body", limit);
    return new Uint8Array(await request.arrayBuffer());
  }
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of limited(requestChunks(request.body), limit)) chunks.push(chunk.slice());
    // One chunk would be returned as it is.
    return chunks.length === 1 ? chunks[0]!.slice() : concat(chunks);
  } finally {
    for (const chunk of chunks) free(chunk);
  }
}

export type BodyEncoding = "identity" | "gzip";

/** @throws 400 for an encoding that we do not read */
export function encodingOf(request: Request): BodyEncoding {
  const name = (request.headers.get("Content-Encoding") ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return "identity";
  if (name === "gzip" || name === "x-gzip") return "gzip";
  throw badRequest(`Content-Encoding '${name.slice(0, 40)}' is not supported`);
}

/** Bytes that zlib asks for at a time; with its own 16 KB a journal batch takes twice as long. */
const CHUNK = 128 * 1024;

/** @param limit bytes; none for what was held to one before */
export function inflate(bytes: Uint8Array, encoding: BodyEncoding, limit?: number): Uint8Array {
  if (encoding === "identity") return bytes;
  try {
    return gunzipSync(bytes, { chunkSize: CHUNK, ...(limit !== undefined && { maxOutputLength: limit }) });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge("the inflated body", limit ?? NaN);
    throw badRequest("the body is not valid gzip");
  }
}

/** @throws 400 when the bytes are not UTF-8 */
export function requireUtf8(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw badRequest("the body is not valid UTF-8");
  }
}

import { type Gunzip, createGunzip, gunzipSync } from "node:zlib";
import { requestChunks } from "../bytes/chunks.ts";
import { inTime } from "./discard.ts";
import { badRequest, tooLarge } from "../errors.ts";
import { release, releaseBuffer } from "../bytes/release.ts";
import { concat } from "../state/json/json.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";

/**
 * The body in chunks; a chunk is valid until the next is requested. A gzipped body is inflated (Workers do not decode requests). The limit
 * applies before and after inflating, so that a small compressed bomb is refused like a large body.
 * @param limit bytes
 * @throws 413, 400 for invalid gzip
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
 * Inflates gzip only as fast as it is read: a `DecompressionStream` would inflate all that has arrived, even if the reader waits. The next
 * input chunk is requested when the one before is used up.
 * @throws 400 for invalid gzip
 */
export async function* inflated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK });
  // Errors of the input and of inflating are both emitted by `gunzip`.
  const fed = feed(chunks, gunzip).catch((error: Error) => void gunzip.destroy(error));
  try {
    let last: Uint8Array | undefined;
    for await (const chunk of gunzip) {
      // The reader has used the bytes of the previous buffer.
      if (last && last.buffer !== chunk.buffer) releaseBuffer(last.buffer);
      last = chunk;
      // This is not a Buffer of Node, because `slice` of a Buffer makes no copy.
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith("Z_")) throw badRequest("the body is not valid gzip");
    throw error;
  } finally {
    // Release the reader, so that `discard` can read the rest.
    gunzip.destroy();
    await inTime(fed);
  }
}

async function feed(chunks: AsyncIterable<Uint8Array>, gunzip: Gunzip): Promise<void> {
  let goOn = () => {};
  // When the reader has stopped, some writes are never completed.
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
  /** The raw bytes. */
  raw: Uint8Array;
  encoding: BodyEncoding;
  /** The same bytes, inflated. */
  bytes: Uint8Array;
}

/**
 * Reads the whole body into memory, and releases the memory when `use` has ended or the body is refused. Use it for a body that is small or
 * must be in memory.
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
    release(bytes);
    release(raw);
  }
}

/** The raw body, refused as soon as it is longer than `limit` bytes. */
export async function receive(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get("Content-Length");
  if (declared !== null) {
    // HTTP framing guarantees the length, so the runtime may read the body in one call.
    if (Number(declared) > limit) throw tooLarge("the body", limit);
    return new Uint8Array(await request.arrayBuffer());
  }
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of limited(requestChunks(request.body), limit)) chunks.push(chunk.slice());
    // A single chunk would be returned without a copy.
    return chunks.length === 1 ? chunks[0]!.slice() : concat(chunks);
  } finally {
    for (const chunk of chunks) release(chunk);
  }
}

export type BodyEncoding = "identity" | "gzip";

/** @throws 400 for an unsupported encoding */
export function encodingOf(request: Request): BodyEncoding {
  const name = (request.headers.get("Content-Encoding") ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return "identity";
  if (name === "gzip" || name === "x-gzip") return "gzip";
  throw badRequest(`Content-Encoding '${name.slice(0, 40)}' is not supported`);
}

/** Maximum number of bytes of one buffer of zlib; with its default of 16 KB a journal batch takes twice as long. */
const CHUNK = 128 * 1024;
/** Minimum number of bytes that zlib accepts. */
const LEAST_CHUNK = 64;

/** The inflated size that the last four bytes of gzip claim. */
export const claimedSize = (gzip: Uint8Array): number =>
  gzip.length < 4 ? 0 : new DataView(gzip.buffer, gzip.byteOffset, gzip.length).getUint32(gzip.length - 4, true);

/** Size of zlib's buffer for a body: the whole body fits into it, with a byte to spare. So a small body needs no large buffer. */
const chunkSizeFor = (gzip: Uint8Array) => Math.min(Math.max(claimedSize(gzip) + 1, LEAST_CHUNK), CHUNK);

/** @param limit bytes; undefined when the size was already checked */
export function inflate(bytes: Uint8Array, encoding: BodyEncoding, limit?: number): Uint8Array {
  if (encoding === "identity") return bytes;
  try {
    return gunzipSync(bytes, { chunkSize: chunkSizeFor(bytes), ...(limit !== undefined && { maxOutputLength: limit }) });
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

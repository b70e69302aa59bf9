import { gunzipSync } from "node:zlib";
import { badRequest, tooLarge } from "../errors.ts";
import { concat } from "../state/json.ts";

/** Bytes on the wire that a JSON call may send; streams have limits of their own. */
export const JSON_LIMIT = 4 * 1024 * 1024;

/**
 * The body as it was meant, as a stream: inflated when it came gzipped (Workers do not decode requests), cut off at
 * `limit` bytes counted before and after, so that a small bomb is refused as a large body is.
 * Reading it throws what `asBodyError` understands.
 * @param limit bytes
 */
export function bodyStream(request: Request, limit: number): ReadableStream<Uint8Array> {
  const body: ReadableStream<Uint8Array> = request.body ?? new Blob([]).stream();
  const counted = body.pipeThrough(counting(limit));
  if (encodingOf(request) === "identity") return counted;
  return counted
    .pipeThrough(new DecompressionStream("gzip") as unknown as TransformStream<Uint8Array, Uint8Array>)
    .pipeThrough(counting(limit));
}

/**
 * The whole body in memory, inflated. For what is small, or has to be.
 * @param limit bytes, before and after inflating
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  return inflate(await receive(request, limit), encodingOf(request), limit);
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
  let length = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > limit) throw tooLarge("the body", limit);
    chunks.push(chunk);
  }
  return concat(chunks);
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

export function inflate(bytes: Uint8Array, encoding: BodyEncoding, limit: number): Uint8Array {
  if (encoding === "identity") return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit, chunkSize: CHUNK });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge("the inflated body", limit);
    throw badRequest("the body is not valid gzip");
  }
}

/** What went wrong while reading a request's stream, as the answer that its sender deserves. */
export function asBodyError(error: unknown, limit: number): unknown {
  if (error instanceof TooManyBytes) return tooLarge("the body", limit);
  if (error instanceof TypeError || (error instanceof Error && /compress|inflate|gzip|zlib/i.test(error.message)))
    return badRequest("the body is not valid gzip");
  return error;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws 400 when the bytes are not UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw badRequest("the body is not valid UTF-8");
  }
}

class TooManyBytes extends Error {}

function counting(limit: number): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      if (seen > limit) controller.error(new TooManyBytes());
      else controller.enqueue(chunk);
    },
  });
}

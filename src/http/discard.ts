import { SIZE } from "../bytes/chunks.ts";

/** Bytes that are read of a body that nobody wants. Cloudflare lets no larger body through on most plans. */
const MOST_BYTES = 256 * 1024 * 1024;
/** How long the sender may be silent meanwhile, in milliseconds. */
export const PATIENCE = 5_000;

/**
 * Reads what nobody has read of a body, and keeps nothing of it. An answer that comes before its request is complete is often lost: the
 * runtime closes the connection, the client fails while it still sends, and the development proxy cuts the answer off. The CLI must be
 * able to read a 413, or it does not halve its batch (cli-protocol §4.8.3).
 */
export async function discard({ body }: Request): Promise<void> {
  // A body that was passed on is read elsewhere.
  if (!body || body.locked) return;
  const reader = body.getReader({ mode: "byob" });
  try {
    let buffer = new ArrayBuffer(SIZE);
    for (let read = 0; read < MOST_BYTES;) {
      const next = await inTime<ReadableStreamReadResult<Uint8Array> | undefined>(reader.read(new Uint8Array(buffer)));
      if (!next || next.done) break;
      read += next.value.length;
      buffer = next.value.buffer as ArrayBuffer;
    }
  } catch {
    // The client has left.
  }
  await reader.cancel().catch(() => undefined);
}

/** @returns what is promised, or undefined when it does not come in time */
export async function inTime<T>(promised: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = scheduler.wait(PATIENCE, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([promised, late as Promise<undefined>]);
  } finally {
    over.abort();
  }
}

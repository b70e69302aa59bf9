import { SIZE } from "../bytes/chunks.ts";

/** Maximum number of bytes that are read of a body that is not used. Cloudflare accepts no larger body on most plans. */
const MOST_BYTES = 256 * 1024 * 1024;
/** How long the sender may pause, in milliseconds. */
export const PATIENCE = 5_000;

/**
 * Reads and discards the rest of a body. An answer that is sent before its request is complete is often lost: the runtime closes the
 * connection, the client fails while it still sends, and the development proxy cuts the answer off. The CLI must be able to read a 413, or
 * it does not halve its batch (cli-protocol §4.8.3).
 */
export async function discard({ body }: Request): Promise<void> {
  // Another reader has the body.
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

/** @returns the value of the promise, or undefined when it does not arrive in time */
export async function inTime<T>(promised: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = scheduler.wait(PATIENCE, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([promised, late as Promise<undefined>]);
  } finally {
    over.abort();
  }
}

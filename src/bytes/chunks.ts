/** Maximum number of bytes in a chunk of a body. */
export const SIZE = 64 * 1024;

/**
 * Reads a body in chunks of up to 64 KB. All are read into one buffer, so each is valid until the next one is requested. Without this a
 * body arrives in pieces of 4 KB, each in its own buffer. If the reader stops early, the body is canceled.
 */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  let complete = false;
  try {
    yield* requestChunks(body);
    complete = true;
  } finally {
    if (!complete) await body?.cancel().catch(() => undefined);
  }
}

/** The chunks of a request's body. If the reader stops early, `discard` reads the rest. */
export async function* requestChunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader({ mode: "byob" });
  try {
    let buffer = new ArrayBuffer(SIZE);
    for (;;) {
      const read: ReadableStreamReadResult<Uint8Array> = await reader.read(new Uint8Array(buffer));
      if (read.done) return;
      yield read.value;
      buffer = read.value.buffer as ArrayBuffer;
    }
  } finally {
    reader.releaseLock();
  }
}

/** Bytes that a body is read by. */
export const SIZE = 64 * 1024;

/**
 * A body in chunks of up to 64 KB, each good until the next is asked for: they are read into one buffer. By itself a body comes in pieces of 4 KB, each
 * in a buffer of its own. A reader that gives up cancels the body.
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

/** The same of a request. A reader that gives up leaves the rest to `discard`. */
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

const SIZE = 64 * 1024;

/**
 * A body in chunks of up to 64 KB, each good until the next is asked for: they are read into one buffer. By itself a body comes in pieces of 4 KB, each
 * in a buffer of its own.
 */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
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
    // When its reader has given up.
    await reader.cancel().catch(() => undefined);
  }
}

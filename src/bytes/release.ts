/**
 * Gives the memory of bytes back at once. They must be nobody else's, and are empty from then on; a view of something larger is left alone. V8 hardly
 * counts what native code has allocated, so without this a hundred batches that are read one after the other are all in memory.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.length > 0 && bytes.length === bytes.buffer.byteLength) releaseBuffer(bytes.buffer);
}

/** The same of a buffer of which nobody uses any part. */
export const releaseBuffer = (buffer: ArrayBufferLike): void => void (buffer as ArrayBuffer).transfer(0);

/**
 * Releases the memory of bytes at once. No other code may use them; they are empty afterwards. A view of a larger buffer does not change.
 * V8 hardly counts memory that native code has allocated, so without this a hundred batches that are read in turn are all in memory.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.length > 0 && bytes.length === bytes.buffer.byteLength) releaseBuffer(bytes.buffer);
}

/** Releases the memory of a whole buffer that no other code uses. */
export const releaseBuffer = (buffer: ArrayBufferLike): void => void (buffer as ArrayBuffer).transfer(0);

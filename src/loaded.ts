/**
 * A library that is loaded when it is first used, so that it costs nothing at the start. It remembers the library and not the promise: a request
 * must not wait for a promise of another request, which the runtime may have ended.
 */
export function loaded<T>(load: () => Promise<T>): () => Promise<T> {
  let library: T | undefined;
  return async () => (library ??= await load());
}

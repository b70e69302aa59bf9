/** The functions of Node's that we use; workerd has it (compatibility date 2026-08-04 and later). */
declare module "node:zlib" {
  /** @throws RangeError above `maxOutputLength` bytes */
  export function gunzipSync(bytes: Uint8Array, options: { maxOutputLength?: number; chunkSize: number }): Uint8Array;
  export function createGunzip(options: { chunkSize: number }): AsyncIterable<Uint8Array>;
}

declare module "node:stream" {
  export const Readable: { from(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> };
  /** Errors of the source destroy `through`, and so does the end of whoever reads it. */
  export function pipeline(source: AsyncIterable<Uint8Array>, through: AsyncIterable<Uint8Array>, done: (error?: Error) => void): void;
}

declare module "node:crypto" {
  export function createHash(algorithm: "sha256"): { update(text: string): { digest(encoding: "hex"): string } };
}

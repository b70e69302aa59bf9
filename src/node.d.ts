/** The functions of Node's that we use; workerd has it (compatibility date 2026-08-04 and later). */
declare module "node:zlib" {
  /** @throws RangeError above `maxOutputLength` bytes */
  export function gunzipSync(bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }): Uint8Array;
}

declare module "node:crypto" {
  export function createHash(algorithm: "sha256"): { update(text: string): { digest(encoding: "hex"): string } };
}

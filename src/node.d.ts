/** The functions of Node's that we use; workerd has it (compatibility date 2026-08-04 and later). */
declare module "node:zlib" {
  /** @throws RangeError above `maxOutputLength` bytes */
  export function gunzipSync(bytes: Uint8Array, options: { maxOutputLength?: number; chunkSize: number }): Uint8Array;
  export function createGunzip(options: { chunkSize: number }): Gunzip;
  export interface Gunzip extends AsyncIterable<Uint8Array> {
    readonly destroyed: boolean;
    /** @param done when the chunk is used up, or could not be */
    write(chunk: Uint8Array, done: (error?: Error | null) => void): void;
    end(): void;
    destroy(error?: Error): void;
    once(event: "close", listener: () => void): void;
  }
}

declare module "node:crypto" {
  export function createHash(algorithm: "sha256"): { update(text: string): { digest(encoding: "hex"): string } };
}

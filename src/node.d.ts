/** The functions of Node.js that we use. workerd has them since compatibility date 2026-08-04. */
declare module "node:zlib" {
  /** @throws RangeError above `maxOutputLength` bytes */
  export function gunzipSync(bytes: Uint8Array, options: { maxOutputLength?: number; chunkSize: number }): Uint8Array;
  export function createGunzip(options: { chunkSize: number }): Gunzip;
  export interface Gunzip extends AsyncIterable<Uint8Array> {
    readonly destroyed: boolean;
    /** @param done called when the chunk was processed or has failed */
    write(chunk: Uint8Array, done: (error?: Error | null) => void): void;
    end(): void;
    destroy(error?: Error): void;
    once(event: "close", listener: () => void): void;
  }
}

declare module "node:buffer" {
  export const Buffer: {
    from(buffer: ArrayBufferLike, offset: number, length: number): { lastIndexOf(text: string, from?: number): number };
  };
}

declare module "node:crypto" {
  export function createHash(algorithm: "sha256" | "md5"): {
    update(data: string | Uint8Array): { digest(encoding: "hex" | "base64"): string };
  };
}

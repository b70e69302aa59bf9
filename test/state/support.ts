import type { Journal } from "../../src/state/replay/replay.ts";
import { concat, encode } from "../../src/state/json/json.ts";
import type { Streamed } from "../../src/bytes/output.ts";
import type { Part } from "../../src/state/json/split.ts";

export const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

export const urn = (name: string, type = "a:b:C") => `urn:pulumi:dev::proj::${type}::${name}`;

/** The bytes in one chunk, or in chunks of the given sizes, which are used in turn. */
export async function* chunked(whole: string | Uint8Array, sizes: number[] = []): AsyncGenerator<Uint8Array> {
  const bytes = typeof whole === "string" ? encode(whole) : whole;
  if (sizes.length === 0) return yield bytes;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk.slice());
  return text(concat(pieces));
}

export async function drain<S>({ chunks, summary }: Streamed<S>): Promise<{ text: string; summary: S }> {
  return { text: await collect(chunks), summary: summary() };
}

/** The parts with their texts as strings, without their positions. */
export async function readable(batches: AsyncIterable<Part[]>) {
  const parts: unknown[] = [];
  for await (const batch of batches)
    for (const part of batch) parts.push({ at: part.at, ...("key" in part && { key: part.key }), text: text(part.text) });
  return parts;
}

export function journalOf(batches: (string | object[])[]): Journal {
  const bodies = batches.map((batch) => encode(typeof batch === "string" ? batch : JSON.stringify({ entries: batch })));
  return {
    batches: () => bodies.keys(),
    read: (batch) => (batch % 2 === 0 ? bodies[batch]!.slice() : Promise.resolve(bodies[batch]!.slice())),
  };
}

/** An entry with its required members. */
export const entry = (sequenceID: number, kind: number, more: object = {}) => ({
  version: 1,
  kind,
  sequenceID,
  operationID: 0,
  removeOld: null,
  removeNew: null,
  ...more,
});

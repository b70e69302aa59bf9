import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { newStateKey, writeObject } from "../../src/stacks/objects.ts";

const MB = 1024 * 1024;

/** Yields bytes in one reused buffer, like the stream of a state. */
async function* chunks(size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(100_000);
  for (let at = 0; at < size; at += buffer.length) {
    buffer.fill(1 + (at % 251));
    yield buffer.subarray(0, Math.min(buffer.length, size - at));
  }
}

async function digestOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const digest = new crypto.DigestStream("SHA-256");
  const writer = digest.getWriter();
  for await (const piece of pieces) await writer.write(piece);
  await writer.close();
  return new Uint8Array(await digest.digest).join();
}

it.each([
  ["nothing", 0, 0],
  ["a small object", 300_000, 0],
  ["an object of less than two parts", 17 * MB, 0],
  ["two parts", 32 * MB, 2],
  ["two parts and a byte", 32 * MB + 1, 3],
])("writes %s", async (_, size, parts) => {
  const key = newStateKey();
  const upload = vi.spyOn(env.STATE, "createMultipartUpload");
  await writeObject(env.STATE, key, chunks(size));
  const object = (await env.STATE.get(key))!;
  expect(object.size).toBe(size);
  const found = (async function* () {
    yield new Uint8Array(await object.arrayBuffer());
  })();
  expect(await digestOf(found)).toBe(await digestOf(chunks(size)));
  expect(upload).toHaveBeenCalledTimes(parts > 0 ? 1 : 0);
  // The etag of an object in parts ends with the number of parts.
  expect(object.etag.split("-")[1] ?? "0").toBe(String(parts));
});

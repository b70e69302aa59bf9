import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { StateError, StateTooLarge } from "../../../src/state/errors.ts";
import { encode } from "../../../src/state/json/json.ts";
import { splitDeployment } from "../../../src/state/json/split.ts";
import { objectText, space, valueText } from "../arbitrary.ts";
import { chunked, readable } from "../support.ts";

const split = (body: string | Uint8Array, sizes: number[] = []) => readable(splitDeployment(chunked(body, sizes)));
const sizes: fc.Arbitrary<number[]> = fc.oneof(fc.constant<number[]>([1]), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }));

const array = (at: string) =>
  fc.tuple(fc.array(fc.tuple(space, objectText, space), { maxLength: 4 }), space).map(([elements, blank]) => ({
    text: `[${elements.length === 0 ? blank : elements.map(([a, text, b]) => a + text + b).join(",")}]`,
    parts: elements.map(([, text]) => ({ at, text })) as object[],
  }));

/** The text of an object with the given members in some order, and the parts into which it should be split. */
function spelled(members: fc.Arbitrary<{ key: string; text: string; parts: object[] }[]>) {
  return fc.tuple(members, fc.infiniteStream(space)).chain(([all, blanks]) =>
    fc.shuffledSubarray(all, { minLength: all.length }).map((shuffled) => {
      const blank = () => blanks.next().value!;
      const text = shuffled.map((m) => `${blank()}"${m.key}"${blank()}:${blank()}${m.text}${blank()}`).join(",");
      return { text: `{${text}${blank()}}`, parts: shuffled.flatMap((m) => m.parts) };
    }),
  );
}

const others = (at: string) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom("version", "manifest", "__proto__", "a\\u0062", "\\ud800"), valueText), {
      selector: ([key]) => key,
      maxLength: 3,
    })
    .map((all) => all.map(([key, text]) => ({ key, text, parts: [{ at, key: JSON.parse(`"${key}"`), text }] })));

const deployment = spelled(
  fc
    .tuple(fc.option(array("resource")), fc.option(array("pendingOperation")), others("deployment"))
    .map(([resources, pending, more]) => [
      ...(resources ? [{ key: "resources", ...resources }] : []),
      ...(pending ? [{ key: "pending_\\u006fperations", ...pending }] : []),
      ...more,
    ]),
);

const body = spelled(fc.tuple(deployment, others("envelope")).map(([inner, more]) => [{ key: "deployment", ...inner }, ...more]));

it("cuts any spelling, in any chunks, exactly where the values begin and end", async () => {
  await fc.assert(
    fc.asyncProperty(body, sizes, async ({ text, parts }, chunkSizes) => {
      JSON.parse(text); // checks that the generator makes valid JSON
      expect(await split(text, chunkSizes)).toEqual(parts);
    }),
    { numRuns: 300 * inject("sizes").runs },
  );
});

it("refuses whatever JSON.parse refuses, wherever it is broken", async () => {
  const damage = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.array(fc.constantFrom(0x22, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d, 0x5c, 0x30, 0x00, 0xff, 0xc3, 0x20), { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(body, damage, sizes, async ({ text }, { at, remove, insert }, chunkSizes) => {
      const bytes = encode(text);
      const cut = at % bytes.length;
      const broken = new Uint8Array([...bytes.subarray(0, cut), ...insert, ...bytes.subarray(cut + remove)]);
      const error = await split(broken, chunkSizes).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(broken));
      else expect(error).toBeInstanceOf(StateError);
    }),
    { numRuns: 500 * inject("sizes").runs },
  );
});

it("refuses every text that is cut short", async () => {
  const { text } = fc.sample(body, { numRuns: 1, seed: 4 })[0]!;
  for (let end = 0; end < text.trimEnd().length; end++) await expect(split(text.slice(0, end), [7])).rejects.toBeInstanceOf(StateError);
});

it.each([
  ["not an object", "[]"],
  ["a deployment that is no object", '{"deployment":[]}'],
  ["a deployment that is a string", '{"deployment":"n"}'],
  ["resources that are no array", '{"deployment":{"resources":{}}}'],
  ["a resource that is no object", '{"deployment":{"resources":[1]}}'],
  ["a pending operation that is null", '{"deployment":{"pending_operations":[null]}}'],
  ["two deployments", '{"deployment":{},"deployment":{}}'],
  ["two lists of resources", '{"deployment":{"resources":[],"resources":[]}}'],
  ["text behind", '{"deployment":{}} x'],
  ["a byte order mark", '\ufeff{"deployment":{}}'],
  ["a trailing comma", '{"deployment":{"resources":[{},]}}'],
  ["mismatched brackets", '{"deployment":{"resources":[{"a":[}]}]}}'],
  ["a raw control character", '{"a":"\u0001"}'],
  ["nothing", ""],
])("refuses %s", async (_, text) => {
  await expect(split(text)).rejects.toBeInstanceOf(StateError);
});

it("refuses bytes that are not UTF-8", async () => {
  const bytes = encode('{"deployment":{"resources":[{"a":"x"}]}}');
  bytes[bytes.indexOf(0x78)] = 0xff;
  await expect(split(bytes)).rejects.toBeInstanceOf(StateError);
});

it("takes null for a deployment and for its lists", async () => {
  expect(await split('{"deployment":null}')).toEqual([{ at: "envelope", key: "deployment", text: "null" }]);
  expect(await split('{"deployment":{"resources": null }}')).toEqual([{ at: "deployment", key: "resources", text: "null" }]);
});

it("takes deep nesting", async () => {
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  expect(await split(`{"deployment":{"resources":[${deep}]}}`, [1000])).toEqual([{ at: "resource", text: deep }]);
});

it("limits the size of one part, before it has it all", async () => {
  const options = { maxElement: 1000 };
  let read = 0;
  async function* endless() {
    yield encode('{"deployment":{"resources":[{"a":"');
    for (; read < 1e6; read += 100) yield encode("x".repeat(100));
  }
  await expect(readable(splitDeployment(endless(), options))).rejects.toBeInstanceOf(StateTooLarge);
  expect(read).toBeLessThan(2000);
});

it("lets its caller reuse a chunk after the parts are taken", async () => {
  const text = encode('{"deployment":{"resources":[{"a":"1234567890"},{"b":2}]}}');
  const chunk = new Uint8Array(8);
  async function* reusing() {
    for (let at = 0; at < text.length; at += 8) {
      const piece = chunk.subarray(0, Math.min(8, text.length - at));
      piece.set(text.subarray(at, at + 8));
      yield piece;
    }
  }
  expect(await readable(splitDeployment(reusing()))).toEqual([
    { at: "resource", text: '{"a":"1234567890"}' },
    { at: "resource", text: '{"b":2}' },
  ]);
});

it("gives each buffer back when a larger one takes its place, and the last one at the end", async () => {
  const resources = [10, 1000, 100_000].map((length) => `{"a":"${"x".repeat(length)}"}`);
  const seen = new Set<ArrayBufferLike>();
  const given = new Set<ArrayBufferLike>();
  async function* noting() {
    for await (const chunk of chunked(`{"deployment":{"resources":[${resources.join(",")}]}}`, [64])) {
      given.add(chunk.buffer);
      yield chunk;
    }
  }
  for await (const parts of splitDeployment(noting())) for (const { text } of parts) if (!given.has(text.buffer)) seen.add(text.buffer);
  expect(seen.size).toBeGreaterThan(1);
  for (const buffer of seen) expect(buffer.byteLength).toBe(0);
});

// An implementation that copied the value again for each chunk would copy 140 GB, and exceed the time limit of the test.
it("reads a value in many chunks in linear time", async () => {
  const big = `{"a":"${"x\\\\".repeat(4_000_000)}"}`;
  const parts = await split(`{"deployment":{"resources":[${big}]}}`, [512]);
  expect(parts).toHaveLength(1);
});

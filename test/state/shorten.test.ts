import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { decodeText, encode } from "../../src/state/json/json.ts";
import { shortened } from "../../src/state/shorten.ts";

const LONG = 4;
const short = (text: Uint8Array) => decodeText(shortened(text, 0, LONG));
const parsed = (text: string): unknown => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return "no JSON";
  }
};

/** Keys are shortened too. Short strings stay whole. */
function expected(value: unknown): unknown {
  if (typeof value === "string") return isLong(value) ? value[0] : value;
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [expected(key), expected(inner)]));
}
const isLong = (text: string) => text.length >= LONG && /^[ -~]*$/.test(text) && !/["\\]/.test(text);

const text = fc.string({ unit: fc.constantFrom("a", "b", '"', "\\", "{", "]", " ", "\n", "é"), maxLength: 10 });
// JSON.stringify escapes special characters, so a text that is not plain has a backslash, or is not ASCII.
const value = fc.jsonValue({ stringUnit: fc.constantFrom("a", "b", '"', "\\", "}", "é", "\u0001"), maxDepth: 3 });

it("has the values of the text, except for the long strings", () => {
  fc.assert(
    fc.property(value, (json) => {
      const plain = JSON.stringify(json);
      expect(parsed(short(encode(plain)))).toEqual({ value: expected(JSON.parse(plain)) });
    }),
  );
});

it("is JSON exactly when the text is", () => {
  fc.assert(
    fc.property(fc.oneof(value, fc.array(text)), fc.nat(), fc.nat(), (json, at, by) => {
      const good = JSON.stringify(json);
      const place = at % good.length;
      const broken = good.slice(0, place) + ["", '"', "\\", "\n", "a", "}"][by % 6]! + good.slice(place + (by % 2));
      expect(parsed(short(encode(broken))) === "no JSON").toBe(parsed(broken) === "no JSON");
    }),
    { numRuns: 1000 * inject("sizes").runs },
  );
});

it("is the text itself while that is small", () => {
  const small = encode(`["${"x".repeat(100_000)}"]`);
  expect(shortened(small)).toBe(small);
  expect(shortened(encode(`["${"x".repeat(2_000_000)}"]`)).length).toBeLessThan(10);
});

import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { StateError } from "../../../src/state/errors.ts";
import { decodeString, encode, membersOf, readArray, rewrite, skipValue } from "../../../src/state/json/json.ts";
import { objectText, stringText, valueText } from "../arbitrary.ts";
import { text } from "../support.ts";

const membersText = (object: string) => new Map([...membersOf(encode(object))].map(([key, value]) => [key, text(value)]));

it("finds the end of any value", () => {
  fc.assert(
    fc.property(valueText, fc.constantFrom("", ",1", "]", "}", " "), (value, more) => {
      const bytes = encode(value + more);
      expect(text(bytes.subarray(0, skipValue(bytes, 0)))).toBe(value);
    }),
  );
});

it("decodes strings as JSON.parse does", () => {
  fc.assert(
    fc.property(stringText, (string) => {
      const bytes = encode(string);
      expect(decodeString(bytes, 0, bytes.length)).toBe(JSON.parse(string));
    }),
  );
});

it("finds the members that JSON.parse finds, the last of equal keys", () => {
  fc.assert(
    fc.property(objectText, (object) => {
      const parsed = new Map(Object.entries(JSON.parse(object) as object));
      expect(new Map([...membersText(object)].map(([key, value]) => [key, JSON.parse(value)]))).toEqual(parsed);
    }),
  );
});

it("rewrites only what it is told to", () => {
  const key = fc.constantFrom("a", "__proto__", "constructor", "1", "");
  const edits = fc.uniqueArray(fc.tuple(key, fc.option(valueText)), { selector: ([name]) => name, maxLength: 3 });
  fc.assert(
    fc.property(objectText, edits, (object, changes) => {
      const after = text(rewrite(encode(object), new Map(changes)));
      const expected = membersText(object);
      for (const [name, value] of changes) if (value === null) expected.delete(name);
      for (const [name, value] of changes) if (value !== null) expected.set(name, value);
      JSON.parse(after);
      expect(membersText(after)).toEqual(expected);
      if (changes.length === 0) expect(after).toBe(object);
    }),
    { numRuns: 400 * inject("sizes").runs },
  );
});

it.each<[string, [string, string | null][], string]>([
  ["{}", [["a", "1"]], '{"a":1}'],
  ["{ }", [["a", "1"]], '{"a":1 }'],
  ['{"a":1}', [["a", null]], "{}"],
  ['{ "a": 1, "b": 2.0 }', [["a", null]], '{ "b": 2.0 }'],
  ['{ "a": 1, "b": 2.0 }', [["b", null]], '{ "a": 1 }'],
  ['{ "a": 1, "b": 2.0, "c":3}', [["b", "[]"]], '{ "a": 1, "b": [], "c":3}'],
  [
    '{"a":1,"b":2}',
    [
      ["a", null],
      ["b", null],
      ["c", "3"],
    ],
    '{"c":3}',
  ],
])("rewrites %s by %j", (before, edits, after) => {
  expect(JSON.parse(text(rewrite(encode(before), new Map(edits))))).toEqual(JSON.parse(after));
});

it("refuses broken text and comes to an end", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:1a\\ ') }), (broken) => {
      for (const read of [
        () => membersOf(encode(broken)),
        () => readArray(encode(broken), 0, (at) => skipValue(encode(broken), at)),
        () => skipValue(encode(broken), 0),
      ]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(StateError);
        }
      }
    }),
    { numRuns: 500 * inject("sizes").runs },
  );
});

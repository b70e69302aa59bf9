import * as fc from "fast-check";
import { expect, it } from "vitest";
import { indent } from "../../../src/state/json/indent.ts";

it("changes white space between values only, and is the same as JavaScript's own indentation", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      expect(indent(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
    }),
  );
});

it("keeps numbers and strings as they are written, and takes a text that is cut off", () => {
  expect(indent('{"a":9007199254740993,"b":"\\u0041:,{","c":1.50}')).toBe(
    '{\n  "a": 9007199254740993,\n  "b": "\\u0041:,{",\n  "c": 1.50\n}',
  );
  const text = JSON.stringify({ a: [1, { b: 'x"y\\' }], c: {} });
  for (let end = 0; end <= text.length; end++)
    expect(indent(text.slice(0, end)).replaceAll(/\s/g, "")).toBe(text.slice(0, end).replaceAll(/\s/g, ""));
  expect(indent("]}]").length).toBeLessThan(20);
});

it("a deep value does not make a long text", () => {
  expect(indent("[".repeat(8000)).length).toBeLessThan(8000 * 30);
});

import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { jsonSize, largestJsonSize } from "../../src/secrets/jsonSize.ts";

const encoder = new TextEncoder();
const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom("a", '"', "\\", "\n", "\b", "\u001f", "\u007f", "<", "&", "é", "\u2027", "\u2028", "\u2029", "\u202a", "😀"),
  }),
);
const escape = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
/** JSON as Go writes it, and below as Go wrote it before 1.22. */
const goJson = (text: string) => JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escape);
const oldGoJson = (text: string) =>
  goJson(text).replace(/\\[\\"nrtu]|\\[bf]/g, (c) => (c === "\\b" ? "\\u0008" : c === "\\f" ? "\\u000c" : c));
const isQuoted = (text: string) => text.length > 1 && text.startsWith('"') && text.endsWith('"');

it("a text counts as the JSON that the longest-winded CLI makes of it", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = encoder.encode(text);
      const size = jsonSize(bytes);
      expect(size).toBe(isQuoted(text) ? bytes.length : encoder.encode(oldGoJson(text)).length);
      expect(size).toBeLessThanOrEqual(largestJsonSize(bytes.length));
    }),
    { numRuns: 2000 * inject("sizes").runs },
  );
});

it("the JSON of a text counts no more than the text, so an output is never larger than the configuration that it came from", () => {
  fc.assert(
    fc.property(
      texts.filter((text) => !isQuoted(text)),
      (text) => {
        for (const json of [goJson(text), oldGoJson(text)])
          expect(jsonSize(encoder.encode(json))).toBeLessThanOrEqual(jsonSize(encoder.encode(text)));
      },
    ),
    { numRuns: 2000 * inject("sizes").runs },
  );
});

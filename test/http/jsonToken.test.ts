import { expect, it, onTestFinished, vi } from "vitest";
import { JsonToken } from "../../src/http/jsonToken.ts";
import { QUOTE } from "../../src/state/json/json.ts";

const escapes = 10_000;

it.each([
  ["\\u0000", 1],
  ["\\\\", 1],
  // The search finds each quotation mark once.
  ['\\"', escapes + 1],
])("a text of %s is searched for its end in one pass", (escape, most) => {
  const bytes = new TextEncoder().encode(`"${escape.repeat(escapes)}" `);
  const search = vi.spyOn(Uint8Array.prototype, "indexOf");
  onTestFinished(() => search.mockRestore());
  expect(new JsonToken().read(bytes, 0)).toBe(bytes.length - 1);
  const forQuote = search.mock.calls.filter(([byte]) => byte === QUOTE).length;
  search.mockRestore();
  expect(forQuote).toBeLessThanOrEqual(most);
});

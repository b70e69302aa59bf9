import { describe, expect, it } from "vitest";
import { decodeUtf8 } from "../../src/bytes/utf8.ts";

const PIECE = 64 * 1024;
const encode = (text: string) => new TextEncoder().encode(text);

describe("a long text is decoded in pieces", () => {
  it.each(["é", "設", "😀"])("and a character at the border of two pieces stays whole: %s", (character) => {
    for (let before = PIECE - 4; before <= PIECE; before++) {
      const text = `${"x".repeat(before)}${character.repeat(PIECE)}`;
      expect(decodeUtf8(encode(text)) === text).toBe(true);
    }
  });

  it("and a byte order mark is kept, at the beginning and at the border of two pieces", () => {
    for (const text of ["\ufeff", `\ufeff${"x".repeat(PIECE)}`, `${"x".repeat(PIECE)}\ufeffy`])
      expect(decodeUtf8(encode(text)) === text).toBe(true);
  });

  it("and bytes that are not UTF-8 are refused wherever they are, and so is a character that is cut off", () => {
    const good = encode(`${"x".repeat(2 * PIECE)}設`);
    for (const at of [0, PIECE - 1, PIECE, 2 * PIECE - 1]) {
      const bad = good.slice();
      bad[at] = 0xff;
      expect(() => decodeUtf8(bad)).toThrow(TypeError);
    }
    expect(() => decodeUtf8(good.subarray(0, -1))).toThrow(TypeError);
    expect(() => decodeUtf8(encode("設").subarray(0, 2))).toThrow(TypeError);
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ciphertexts, withPlaintexts } from "../../src/state/ciphertexts.ts";
import { decodeText, encode } from "../../src/state/json/json.ts";
import { SECRET, SIGNATURE } from "../../src/state/json/signed.ts";

const secret = (ciphertext: unknown, more: object = {}) => ({ [SIGNATURE]: SECRET, ciphertext, ...more });
const plaintexts = new Map([
  ["AAAA", '"hush"'],
  ["BBBB", '{"a":[1,2.50]}'],
]);
const shown = (json: string) => decodeText(withPlaintexts(encode(json), plaintexts));

describe("plaintexts stand in the places of their ciphertexts", () => {
  it.each([
    [JSON.stringify(secret("AAAA")), '"hush"'],
    [` [ ${JSON.stringify(secret("BBBB"))} , 1.0 ]`, ' [ {"a":[1,2.50]} , 1.0 ]'],
    [JSON.stringify({ a: [{ b: secret("AAAA") }], c: secret("BBBB") }), '{"a":[{"b":"hush"}],"c":{"a":[1,2.50]}}'],
    [JSON.stringify(secret("AAAA", { more: { deep: [] } })), '"hush"'],
    [JSON.stringify(secret("AAAA", { more: secret("BBBB") })), '"hush"'],
    [JSON.stringify({ a: secret("CCCC"), b: secret("AAAA") }), `{"a":${JSON.stringify(secret("CCCC"))},"b":"hush"}`],
    // Values that only look like a secret stay.
    [JSON.stringify(JSON.stringify(secret("AAAA"))), JSON.stringify(JSON.stringify(secret("AAAA")))],
    [JSON.stringify(secret(1)), JSON.stringify(secret(1))],
    [`{"${SIGNATURE}":"other","ciphertext":"AAAA"}`, `{"${SIGNATURE}":"other","ciphertext":"AAAA"}`],
    ["{}", "{}"],
    ['{"n":12345678901234567890,"s":"\\u0041"}', '{"n":12345678901234567890,"s":"\\u0041"}'],
  ])("%s", (json, expected) => {
    expect(shown(json)).toBe(expected);
  });

  it("in any value, wherever its secrets are", () => {
    // The key of the signature is left out, so that no value looks like a secret by chance.
    const value = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1.5, "text", "}{", SECRET),
        fc.constantFrom("AAAA", "BBBB", "CCCC").map((ciphertext) => secret(ciphertext)),
        fc.array(tie("node"), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom("a", "}", '"', "ciphertext"), tie("node"), { maxKeys: 3 }),
      ),
    })).node;
    const expected = (node: unknown): unknown => {
      if (Array.isArray(node)) return node.map(expected);
      if (typeof node !== "object" || node === null) return node;
      const text = plaintexts.get((node as { ciphertext?: string }).ciphertext ?? "");
      if (SIGNATURE in node && text !== undefined) return JSON.parse(text) as unknown;
      return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, expected(inner)]));
    };
    fc.assert(
      fc.property(value, (node) => {
        expect(JSON.parse(shown(JSON.stringify(node)))).toEqual(expected(node));
      }),
    );
  });
});

describe("the first ciphertexts of a state", () => {
  const collect = (most: number, ...values: unknown[]) => {
    const ciphertexts = new Ciphertexts(most);
    for (const value of values) ciphertexts.add(encode(JSON.stringify(value)));
    return ciphertexts;
  };

  it("are those of signed objects, at any depth", () => {
    expect(
      collect(9, { a: [secret("AAAA"), { b: secret("BBBB", { more: secret("CCCC") }) }] }, secret(1), "text", secret("DDDD")).found,
    ).toEqual(["AAAA", "CCCC", "BBBB", "DDDD"]);
  });

  it("are no more than were asked for, and no more than fit into memory", () => {
    expect(collect(2, [secret("AAAA"), secret("BBBB"), secret("CCCC")]).found).toEqual(["AAAA", "BBBB"]);
    const long = "A".repeat(3_000_000);
    const many = collect(100, ...Array.from({ length: 100 }, () => secret(long)));
    expect([many.found.length, many.isFull]).toEqual([2, true]);
    expect(collect(100, secret("A".repeat(10_000_000))).found).toHaveLength(1);
  });
});

describe("takes time by the length of a value and not by its square: a value of 16 MB", () => {
  const MB = 1_000_000;
  const signature = `"${SECRET}"`;
  const long = (unit: string, bytes = 16 * MB) => unit.repeat(Math.floor(bytes / unit.length));

  // A regular expression would take hours for the second text.
  it.each<[string, string]>([
    ["of braces, one within the other, after a secret's mark", `{"b":[${signature},${long('{"a":', 4 * MB)}1${long("}", 0.8 * MB)}]}`],
    ["of the mark over and over", `{"b":[${long(`${signature},`)}{}]}`],
    ["of opening braces in a string", JSON.stringify({ b: long("{", 8 * MB) + SECRET })],
    ["of small secrets", `[${long(`${JSON.stringify(secret("AAAA"))},`)}1]`],
    ["of one secret with a long text", JSON.stringify(secret("CCCC", { text: long("x") }))],
    ["of brackets, one within the other", `${long("[", 4 * MB)}${JSON.stringify(secret("AAAA"))}${long("]", 4 * MB)}`],
  ])("%s", (_, json) => {
    const text = shown(json);
    expect(text.includes(JSON.stringify(secret("AAAA")))).toBe(false);
    const found = new Ciphertexts(101);
    found.add(encode(json));
    expect(found.found.length).toBeLessThanOrEqual(101);
  });
});

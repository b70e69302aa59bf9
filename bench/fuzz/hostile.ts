/** Values that break careless parsers. */
import * as fc from "fast-check";

const hostileTexts = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00x",
  "\ufeff",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  ".",
  "..",
  "../../../etc/passwd",
  "a/b",
  "a%2Fb",
  "%00",
  "acme\u200b",
  "\u0430cme",
  "\u202eemca",
  "ＡＣＭＥ",
  "İ",
  "e\u0301",
  "👩‍👩‍👧",
  "'; DROP TABLE stacks; --",
  "' OR 1=1 --",
  "%' OR '%'='",
  "_%",
  '"<script>alert(1)</script>',
  "\r\nX-Injected: 1",
  "${7*7}{{7*7}}",
  "=cmd|' /C calc'!A0",
  "NaN",
  "1e400",
  "-1",
  "9007199254740993",
  "0x10",
  "true",
  "null",
  "x".repeat(256),
  "x".repeat(5000),
  "é".repeat(2000),
  "*".repeat(60),
  "(a+)+$",
  "9999-99-99",
  "2026-02-31",
  "urn:pulumi:",
  "e30",
  "W10",
  "W251bGxd",
  "WyIiXQ",
  "WzFlMzA4LCIiXQ",
];

const hostileNumbers = [0, -0, -1, 0.5, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 2 ** 63, 8.64e15, 8.64e12 + 1];

const withKey = (key: string, value: unknown): unknown => Object.defineProperty({}, key, { value, enumerable: true });
const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

export const hostileText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", maxLength: 40 }));
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.constantFrom(...hostileNumbers) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { "": "" }) },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "prototype", "toString").map((key) => withKey(key, { a: "b" })) },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "hasOwnProperty", "").map((key) => withKey(key, "text")) },
  { weight: 1, arbitrary: fc.constantFrom(50, 600).map(nested) },
  { weight: 1, arbitrary: fc.jsonValue() },
);
/** Large values. Even larger ones are sent for one field at a time, see oversize.ts. */
const much: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(50_000, 5000).map((count) => Array.from({ length: count }, () => 1)),
  fc.constantFrom("x".repeat(200_000), "é".repeat(70_000)),
  fc.constant(20_000).map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]))),
);
/** Values for a body. A URL has no room for the large ones. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof({ weight: 13, arbitrary: hostileValue }, { weight: 2, arbitrary: much });

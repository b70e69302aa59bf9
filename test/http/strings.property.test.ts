import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { AppError, tooLarge } from "../../src/errors.ts";
import { stringsIn } from "../../src/http/strings.ts";

const encoder = new TextEncoder();

/** Reads a body in pieces of these lengths, which are used in turn. @returns the strings, or the status of the refusal */
async function read(body: string | Uint8Array, lengths: number[], isList = true, most = 1000): Promise<string[] | number> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  async function* chunks() {
    // All pieces are in one buffer, as when a body is read.
    const buffer = new Uint8Array(Math.max(...lengths));
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const piece = bytes.subarray(at, at + lengths[i % lengths.length]!);
      buffer.set(piece);
      yield buffer.subarray(0, piece.length);
      at += piece.length;
    }
  }
  try {
    const found: string[] = [];
    for await (const strings of stringsIn(chunks(), {
      member: "values",
      isList,
      most,
      mostBeside: most,
      tooLong: () => tooLarge("a value", most),
    }))
      found.push(...strings);
    return found;
  } catch (error) {
    if (error instanceof AppError) return error.status;
    throw error;
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
/** Texts with characters that a cut between two pieces may break: quotes, backslashes, brackets, letters of several bytes. */
const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", "/", "{", "]", ",", " ", "\n", "é", "𝒳", "\u2028"), maxLength: 12 });
const others = fc.dictionary(
  text.filter((name) => name !== "values"),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 4 },
);

describe("the strings of a body", () => {
  it("are those that JSON.parse finds, whatever stands around them and however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text), others, others, lengths, fc.constantFrom(0, 1, 3), async (values, before, after, cuts, space) => {
        const body = JSON.stringify({ ...before, values, ...after }, null, space);
        const parsed = (JSON.parse(body) as { values: string[] }).values;
        expect(await read(body, cuts, true, 100_000)).toEqual(parsed);
      }),
    );
  });

  it("are refused where JSON.parse refuses the body, or finds no list of strings", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(text, fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 }),
        others,
        lengths,
        fc.nat(),
        fc.nat(),
        async (values, more, cuts, at, by) => {
          // One byte is left out, doubled or replaced.
          const good = encoder.encode(JSON.stringify({ ...more, values }));
          const place = at % good.length;
          const other = [[], [good[place]!, good[place]!], [by % 256]][by % 3]!;
          const body = Uint8Array.from([...good.subarray(0, place), ...other, ...good.subarray(place + 1)]);
          expect(await read(body, cuts, true, 100_000)).toEqual(expected(body));
        },
      ),
      { numRuns: 500 * inject("sizes").runs },
    );
  });

  it.each<[string, string[] | number]>([
    ["", []],
    [" \n", []],
    ["{}", []],
    ['{"values":null}', []],
    ['{"values":[]}', []],
    ['{"values":[ ]}', []],
    ['{"values":["a" , "b"]}', ["a", "b"]],
    ['{"\\u0076alues":["\\u0061"]}', ["a"]],
    ['{"other":{"values":["b"]},"values":["a"]}', ["a"]],
    ['{"values":["a"],"values":["b"]}', 400],
    ['{"values":"a"}', 400],
    ['{"values":{}}', 400],
    ['{"values":[["a"]]}', 400],
    ['{"values":["a",null]}', 400],
    ['{"values":["a",]}', 400],
    ['{"values":["a"]', 400],
    ['{"values":["a"]}}', 400],
    ['{"values":["a"]} x', 400],
    ['{"values":["a" "b"]}', 400],
    ['{"other":tru,"values":["a"]}', 400],
    ['{"other":[1,,2],"values":["a"]}', 400],
    ["[]", 400],
    ['"values"', 400],
    ["null", 400],
    ['\ufeff{"values":[]}', 400],
    [`{"values":["${"x".repeat(998)}"]}`, ["x".repeat(998)]],
    [`{"values":["${"x".repeat(999)}"]}`, 413],
    [`{"other":"${"x".repeat(988)}"}`, []],
    [`{"other":"${"x".repeat(989)}"}`, 413],
    [`{"${"x".repeat(999)}":1}`, 413],
    [`${" ".repeat(998)}{}`, []],
    [`${" ".repeat(999)}{}`, 413],
    [`{"values":[${'"xxxxxxxx",'.repeat(300)}"x"]}`, [...Array.from({ length: 300 }, () => "x".repeat(8)), "x"]],
    [`{"values":[${'"", '.repeat(600)}""]}`, 413],
  ])("of %.60s are %j", async (body, result) => {
    for (const length of [1, 7, 10_000]) expect(await read(body, [length])).toEqual(result);
  });

  it.each<[string, string[] | number]>([
    ['{"values":"a"}', ["a"]],
    ['{"values":""}', [""]],
    ['{"values":["a"]}', 400],
    ['{"values":null}', 400],
    ['{"values":1}', 400],
    ["{}", 400],
    ["", 400],
    ['{"values":"a","values":"b"}', 400],
  ])("where one is asked for: of %s it is %j", async (body, result) => {
    for (const length of [1, 7, 10_000]) expect(await read(body, [length], false)).toEqual(result);
  });
});

/** The expected result for a body, by the parser of the platform. */
function expected(body: Uint8Array): string[] | number {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return 400;
  }
  const { values } = parsed as { values?: unknown };
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return 400;
  if (values === undefined || values === null) return [];
  return Array.isArray(values) && values.every((value) => typeof value === "string") ? values : 400;
}

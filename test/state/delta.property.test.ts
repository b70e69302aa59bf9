import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutVerbatim, readDelta } from "../../src/state/delta.ts";
import { StateError } from "../../src/state/errors.ts";
import { type Piece, applyEdits, lengthOf } from "../../src/state/pieces.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The plain model: a text, and edits of it. */
interface ModelEdit {
  start: number;
  end: number;
  text: string;
}

/** Edits in ascending order of a text so many bytes long. */
const editsOf = (length: number): fc.Arbitrary<ModelEdit[]> =>
  fc.array(fc.tuple(fc.nat(length), fc.string({ unit: fc.constantFrom("a", "é", "𝒳", '"', "\\") })), { maxLength: 8 }).map((list) => {
    const cuts = list.map(([at]) => at).sort((a, b) => a - b);
    const edits: ModelEdit[] = [];
    for (let i = 0; i + 1 < cuts.length; i += 2) edits.push({ start: cuts[i]!, end: cuts[i + 1]!, text: list[i]![1] });
    return edits;
  });

function plain(text: Uint8Array, edits: ModelEdit[]): Uint8Array {
  const out: number[] = [];
  let at = 0;
  for (const { start, end, text: added } of edits) {
    out.push(...text.subarray(at, start), ...encoder.encode(added));
    at = end;
  }
  return Uint8Array.from([...out, ...text.subarray(at)]);
}

const join = (pieces: Piece[], texts: Uint8Array[]) =>
  Uint8Array.from(pieces.flatMap(({ text, start, end }) => [...texts[text]!.subarray(start, end)]));

describe("pieces of texts", () => {
  it("make up what the plain text would be, however many deltas have been applied", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("x", "ü", "\n"), maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        fc.nat(12),
        (first, seeds, rounds) => {
          const texts = [encoder.encode(first)];
          let pieces: Piece[] = applyEdits([], [{ start: 0, end: 0, size: texts[0]!.length }], 0);
          let model: Uint8Array = texts[0]!;
          for (let round = 1; round <= rounds; round++) {
            const [edits] = fc.sample(editsOf(model.length), { numRuns: 1, seed: seeds.next().value as number }) as [ModelEdit[]];
            const body = JSON.stringify({
              version: 3,
              checkpointHash: "0".repeat(64),
              sequenceNumber: round + 1,
              deploymentDelta: edits.map(({ start, end, text }) => ({
                Span: { uri: "", start: { line: 1, column: 1, offset: start }, end: { line: 1, column: 1, offset: end } },
                NewText: text,
              })),
            });
            const delta = readDelta(body);
            texts.push(delta.added);
            pieces = applyEdits(pieces, delta.edits, round);
            model = plain(model, edits);
            expect(join(pieces, texts)).toEqual(model);
            expect(lengthOf(pieces)).toBe(model.length);
          }
        },
      ),
    );
  });

  it("refuse edits out of order and beyond the end", () => {
    const pieces = [{ text: 0, start: 0, end: 10 }];
    for (const edits of [
      [{ start: 5, end: 4, size: 0 }],
      [
        { start: 5, end: 6, size: 0 },
        { start: 5, end: 7, size: 0 },
      ],
      [{ start: 9, end: 11, size: 0 }],
      [{ start: 11, end: 11, size: 0 }],
    ])
      expect(() => applyEdits(pieces, edits, 1)).toThrow(StateError);
  });
});

describe("the text of a verbatim checkpoint", () => {
  async function* chunked(text: string, size: number) {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
  }

  async function cut(text: string, size: number) {
    const value = cutVerbatim(chunked(text, size));
    const chunks: number[] = [];
    for await (const chunk of value.chunks) chunks.push(...chunk);
    return { text: decoder.decode(Uint8Array.from(chunks)), ...value.summary() };
  }

  const space = fc.string({ unit: fc.constantFrom(" ", "\n"), maxLength: 2 });

  it("is cut out byte for byte, however the body arrives and whatever stands around it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ unit: fc.constantFrom("a", '"', "\\", "}", "é") }), fc.jsonValue()),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(space, { minLength: 6, maxLength: 6 }),
        fc.boolean(),
        async (value, sequenceNumber, size, blanks, last) => {
          const text = JSON.stringify(value, null, blanks[0] === "" ? 0 : 1);
          const around = [
            `"untypedDeployment"${blanks[1]}:${blanks[2]}${text}${blanks[3]}`,
            `"sequenceNumber":${sequenceNumber}${blanks[4]}`,
          ];
          const body = `${blanks[5]}{"version":3,${(last ? around.toReversed() : around).join(",")}}\n`;
          expect(await cut(body, size)).toEqual({ text, sequenceNumber });
        },
      ),
    );
  });

  it.each([
    "",
    "[]",
    "{}",
    '{"version":3,"sequenceNumber":1}',
    '{"untypedDeployment":{},"sequenceNumber":0}',
    '{"untypedDeployment":{}}',
    '{"untypedDeployment":[],"sequenceNumber":1}',
    '{"untypedDeployment":null,"sequenceNumber":1}',
    '{"untypedDeployment":{"a":1},"sequenceNumber":1',
    '{"untypedDeployment":{"a":1',
    '{"untypedDeployment":{},"untypedDeployment":{},"sequenceNumber":1}',
    '{"untypedDeployment":{}} {"sequenceNumber":1}',
    `{"x":"${"y".repeat(200_000)}","untypedDeployment":{},"sequenceNumber":1}`,
    `{"untypedDeployment":{},"sequenceNumber":1,"x":"${"y".repeat(200_000)}"}`,
  ])("%.60s is refused", async (body) => {
    for (const size of [1000, 7]) await expect(cut(body, size)).rejects.toThrow(StateError);
  });
});

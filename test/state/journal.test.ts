import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { StateError } from "../../src/state/errors.ts";
import { REFERENCES, TEXTS, checkBatch, readBatch } from "../../src/state/journal.ts";
import { encode } from "../../src/state/json/json.ts";
import { journalTexts } from "./arbitrary.ts";
import { entry, text } from "./support.ts";

const checkText = (text: string) => checkBatch(encode(text));
const check = (...entries: unknown[]) => checkText(JSON.stringify({ entries }));

it("counts the entries it accepts", () => {
  expect(check()).toBe(0);
  expect(checkText("{}")).toBe(0); // Go leaves an empty list out
  expect(checkText('{"entries":null,"newer":1}')).toBe(0);
  expect(check(entry(1, 0), entry(2, 1, { operationID: 1, removeOld: 0, state: {}, newer: { a: 1 } }))).toBe(2);
});

it("accepts every kind that there is", () => {
  for (let kind = 0; kind <= 9; kind++) {
    expect(check(entry(1, kind, { newSnapshot: {}, extensionRef: "e", extension: {}, snippets: [], deleteNew: 7 }))).toBe(1);
  }
});

it.each<[string, object]>([
  ["an unknown version", { version: 2 }],
  ["no version", { version: undefined }],
  ["an unknown kind", { kind: 10 }],
  ["a negative kind", { kind: -1 }],
  ["a kind that is text", { kind: "1" }],
  ["sequence id 0", { sequenceID: 0 }],
  ["a broken sequence id", { sequenceID: 1.5 }],
  ["a sequence id beyond exact numbers", { sequenceID: 2 ** 53 }],
  ["a negative operation id", { operationID: -1 }],
  ["no operation id", { operationID: undefined }],
  ["a negative position", { removeOld: -1 }],
  ["a position that is text", { deleteOld: "0" }],
  ["a state that is a list", { state: [] }],
  ["a state that is text", { state: "x" }],
  ["an operation that is a number", { operation: 1 }],
  ["snippets that are an object", { snippets: {} }],
  ["isRefresh that is a number", { isRefresh: 1 }],
  ["an extensionRef that is a number", { extensionRef: 1 }],
  ["a write without a snapshot", { kind: 5 }],
  ["a snapshot of null resources", { kind: 5, newSnapshot: { resources: [null] } }],
  ["a snapshot with pending operations that are no list", { kind: 5, newSnapshot: { pending_operations: {} } }],
  ["an extension without its text", { kind: 8, extensionRef: "e" }],
])("refuses %s", (_, more) => {
  expect(() => check(entry(1, 1), entry(1, 1, more))).toThrow(StateError);
  expect(() => check(entry(1, 1, more))).toThrow(/^entries\[0\]: /);
});

it.each(["", "[]", "null", '"x"', "{", '{"entries":{}}', '{"entries":[null]}', '{"entries":[[]]}', '{"entries":[1]}'])(
  "refuses the body %s",
  (body) => {
    expect(() => checkText(body)).toThrow(StateError);
  },
);

it("never quotes the text, which may hold secrets, in an error", () => {
  expect(() => checkText('{"entries":[{"state":"hunter2"')).toThrow(/^invalid JSON$/);
});

it("reads what JSON.parse reads, and the texts as they came", () => {
  fc.assert(
    fc.property(journalTexts({ aliases: true }), (batches) => {
      for (const batch of batches) {
        const bytes = encode(batch);
        checkBatch(bytes);
        const parsed = (JSON.parse(batch) as { entries: Record<string, unknown>[] }).entries;
        const read = readBatch(bytes);
        expect(read).toHaveLength(parsed.length);
        for (const [i, one] of read.entries()) {
          for (const name of ["kind", "sequenceID", "operationID"] as const) expect(one[name]).toBe(parsed[i]![name]);
          for (const name of REFERENCES) expect(one[name]).toBe(parsed[i]![name] ?? null);
          for (const name of ["isRefresh", "requiresByteString"] as const) expect(one[name]).toBe(parsed[i]![name] ?? false);
          for (const name of TEXTS) {
            const range = one[name];
            expect(range && JSON.parse(text(bytes.subarray(range.start, range.end)))).toEqual(parsed[i]![name] ?? null);
          }
        }
      }
    }),
    { numRuns: 150 * inject("sizes").runs },
  );
});

it("reads numbers in any spelling, and the last of equal keys", () => {
  const [one] = readBatch(
    encode(
      '{"entries":[{"kind":9}],"entries":[{"kind":1e0,"sequenceID":10.0,"operationID":7,"operationID":8,"state":{},"state":null,"removeOld":0}]}',
    ),
  );
  expect(one).toMatchObject({ kind: 1, sequenceID: 10, operationID: 8, state: null, removeOld: 0, removeNew: null });
});

it("checks a batch with very long texts as it checks a small one", () => {
  const long = "x".repeat(2_000_000);
  const state = { inputs: { text: long, list: [long] } };
  expect(check(entry(1, 1, { state }), entry(2, 8, { extensionRef: long, extension: {} }))).toBe(2);
  expect(() => check(entry(1, 1, { state: long }))).toThrow(/^entries\[0\]: state has the wrong type/);
  expect(() => check(entry(1, 1, { state, sequenceID: long }))).toThrow(/^entries\[0\]: sequenceID/);
  expect(() => checkText(`{"entries":["${long}]}`)).toThrow(/^invalid JSON$/);
  expect(() => checkText(`{"entries":[],"text":"${long}\n"}`)).toThrow(/^invalid JSON$/);
});

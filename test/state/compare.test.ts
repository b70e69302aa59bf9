import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { type CompareLimits, compareStates } from "../../src/state/compare.ts";
import { baseText } from "./arbitrary.ts";
import { chunked, urn } from "./support.ts";

const limits: CompareLimits = { resources: 100, shown: 50, urns: 100_000, bytes: 100_000 };
const textOf = (resources: unknown[]) => JSON.stringify({ version: 3, deployment: { manifest: {}, resources } });
const compared = (before: string, after: string, bounds = limits, sizes?: number[]) =>
  compareStates(
    async () => chunked(before, sizes),
    async () => chunked(after, sizes),
    bounds,
  );
const compare = (before: unknown[], after: unknown[], bounds?: CompareLimits) => compared(textOf(before), textOf(after), bounds);

const thing = (name: string, more: object = {}) => ({ urn: urn(name), type: "a:b:C", custom: true, ...more });
const secret = (ciphertext: string) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });

it("names what was added, removed and changed, property by property", async () => {
  const before = [
    thing("same"),
    thing("gone"),
    thing("x", { id: "i-1", inputs: { size: 1, kept: [1], dropped: "a" }, outputs: { url: "u" } }),
  ];
  const after = [
    thing("x", { id: "i-2", inputs: { size: 2, kept: [1], came: { a: 1 } }, outputs: { url: "u" } }),
    thing("same"),
    thing("new"),
  ];
  const found = await compare(before, after);
  const named = ({ shown }: { shown: { name: string }[] }) => shown.map(({ name }) => name);
  expect([named(found.added), named(found.removed), named(found.changed), found.unchanged]).toEqual([["new"], ["gone"], ["x"], 1]);
  expect(found.changed.shown[0]!.properties).toEqual([
    { name: "inputs.size", before: { text: "1" }, after: { text: "2" } },
    { name: "inputs.dropped", before: { text: "a" }, after: undefined },
    { name: "inputs.came", before: undefined, after: { text: '{"a":1}' } },
    { name: "id", before: { text: "i-1" }, after: { text: "i-2" } },
  ]);
});

it("shows no secret and no ciphertext, at any depth", async () => {
  const at = (ciphertext: string) => [
    thing("x", { inputs: { key: secret(ciphertext), deep: [{ a: secret(ciphertext) }], was: secret(ciphertext) } }),
  ];
  const after = at("BBBB");
  Object.assign((after[0] as unknown as { inputs: object }).inputs, { was: "plain" });
  const found = await compare(at("AAAA"), after);
  expect(JSON.stringify(found)).not.toMatch(/AAAA|BBBB/);
  expect(found.changed.shown[0]!.properties).toEqual([
    { name: "inputs.key", before: { isSecret: true }, after: { isSecret: true } },
    { name: "inputs.deep", before: { isSecret: true }, after: { isSecret: true } },
    { name: "inputs.was", before: { isSecret: true }, after: { text: "plain" } },
  ]);
});

it("keeps the digits of numbers, and notices a change of them that a parser would not", async () => {
  const at = (digits: string) => textOf([thing("x", { inputs: { big: "BIG" } })]).replace('"BIG"', digits);
  const found = await compared(at("9007199254740993"), at("9007199254740992"));
  expect(found.changed.shown[0]!.properties).toEqual([
    { name: "inputs.big", before: { text: "9007199254740993" }, after: { text: "9007199254740992" } },
  ]);
});

it("tells a resource from those of the same URN that wait for their deletion", async () => {
  const leaving = { ...thing("x", { id: "old" }), delete: true };
  const found = await compare([thing("x", { id: "old" })], [thing("x", { id: "new" }), leaving, leaving]);
  expect(found.added).toMatchObject({ shown: [{ leaving: true }, { leaving: true }], more: 0 });
  expect(found.changed.shown[0]!.properties).toEqual([{ name: "id", before: { text: "old" }, after: { text: "new" } }]);
});

it("is bounded: by resources, by what it names, and by what it keeps in memory", async () => {
  const many = (size: number) => Array.from({ length: 40 }, (_, i) => thing(`r${i}`, { inputs: { size, text: "x".repeat(100) } }));
  const few = await compare(many(1), many(2), { ...limits, resources: 30 });
  expect([few.changed.shown.length, few.notCompared]).toEqual([30, 20]);
  const short = await compare([], many(2), { ...limits, shown: 3 });
  expect(short.added).toMatchObject({ shown: [{ name: "r0" }, { name: "r1" }, { name: "r2" }], more: 37 });
  const small = await compare(many(1), many(2), { ...limits, bytes: 600 });
  const described = small.changed.shown.filter(({ properties }) => properties !== undefined);
  expect([small.changed.shown.length, described.length > 0, described.length < 6]).toEqual([40, true, true]);
  expect((await compare(many(1), many(2), { ...limits, urns: 200 })).notCompared).toBeGreaterThan(50);
});

it("finds nothing between a state and itself, whatever the chunks are", async () => {
  await fc.assert(
    fc.asyncProperty(
      baseText({ aliases: false }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
      async (text, sizes) => {
        const found = await compared(text, text, limits, sizes);
        expect([found.added, found.removed, found.changed]).toEqual(Array.from({ length: 3 }, () => ({ shown: [], more: 0 })));
      },
    ),
    { numRuns: 150 * inject("sizes").runs },
  );
});

import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { lookAround } from "../../src/state/around.ts";
import { encode } from "../../src/state/json/json.ts";
import { findOutlined, listOutlined, neighboursOf, outlineOf } from "../../src/state/outline.ts";
import { listResources } from "../../src/state/tree.ts";
import { chunked, text } from "./support.ts";

const ROOM = 1024 * 1024;
const urn = (name: string) => `urn:pulumi:d::p::my:index:Thing::${name}`;
const stateOf = (resources: object[]) => JSON.stringify({ version: 3, deployment: { manifest: {}, resources, metadata: {} } });

const name = fc.oneof(fc.constantFrom("a", "b", "a\\b", 'quo"te', "é😀", "c/d"), fc.string({ maxLength: 8 }));
const resource = fc.record(
  {
    urn: name.map(urn),
    custom: fc.boolean(),
    delete: fc.boolean(),
    type: fc.constantFrom("my:index:Thing", "x"),
    id: fc.oneof(fc.string(), fc.constant(7 as unknown)),
    parent: name.map(urn),
    dependencies: fc.oneof(fc.array(name.map(urn), { maxLength: 4 }), fc.constant(null)),
    inputs: fc.jsonValue() as fc.Arbitrary<unknown>,
  },
  { requiredKeys: ["urn"] },
);

it("an outline has the same resources and neighbours as the state, and the place of each, whatever the chunks are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(resource, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      async (all, sizes) => {
        const whole = stateOf(all);
        const bytes = encode(whole);
        const outline = (await outlineOf(chunked(bytes, sizes), ROOM))!;
        expect(outline.resources.map(({ start, length }) => text(bytes.subarray(start, start + length)))).toEqual(
          all.map((one) => JSON.stringify(one)),
        );
        for (const words of [[], ["a"]]) {
          const { resources, total, left } = listOutlined(outline, words);
          const shown = resources.map(({ urn, type, name, parent, id, custom, leaving }) => ({
            urn,
            type,
            name,
            parent,
            id,
            custom,
            leaving,
          }));
          expect({ resources: shown, total, left }).toEqual(await listResources(chunked(bytes), words));
        }
        for (const { urn } of all.slice(0, 3)) {
          const { dependents, children, more, resource } = (await lookAround(chunked(bytes), urn, 3))!;
          expect(neighboursOf(outline, urn, 3)).toEqual({ dependents, children, more });
          expect(findOutlined(outline, urn)!.leaving).toBe(resource.leaving);
        }
      },
    ),
    { numRuns: 100 * inject("sizes").runs },
  );
});

it("a state has no outline if it would need too much memory, or has more than 20,000 resources", async () => {
  const many = (count: number) => stateOf(Array.from({ length: count }, (_, i) => ({ urn: `u${i}`, custom: false, type: "t" })));
  expect((await outlineOf(chunked(many(20_000)), 8 * ROOM))!.total).toBe(20_000);
  expect(await outlineOf(chunked(many(20_001)), 8 * ROOM)).toBeUndefined();
  expect(await outlineOf(chunked(many(20_000)), ROOM)).toBeUndefined();
  // A state of few resources with many dependencies.
  const tangled = Array.from({ length: 40 }, (_, i) => ({
    urn: `u${i}`,
    type: "t",
    dependencies: Array.from({ length: 9000 }, () => "u0"),
  }));
  expect(await outlineOf(chunked(stateOf(tangled)), ROOM)).toBeUndefined();
});

it("a list of dependencies that is too long counts as absent, as a text that is too long does", async () => {
  const long = { urn: urn("a"), id: "x".repeat(5000), dependencies: Array.from({ length: 9000 }, () => urn("b")) };
  expect((await outlineOf(chunked(stateOf([long])), ROOM))!.resources).toMatchObject([{ id: "", dependencies: [] }]);
});

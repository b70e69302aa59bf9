import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { findIntegrityError } from "./integrity.ts";
import { replay } from "../../src/state/replay/replay.ts";
import { chunked, collect, entry, journalOf, urn } from "./support.ts";

const res = (name: string, more: object = {}) => ({ urn: urn(name), custom: true, type: "a:b:C", ...more });
const provider = { urn: urn("p", "pulumi:providers:a"), custom: true, type: "pulumi:providers:a", id: "1" };
const check = (resources: object[], more: object = {}) =>
  findIntegrityError(chunked(JSON.stringify({ version: 3, deployment: { resources, ...more } })));

it.each<[string, object[]]>([
  ["nothing", []],
  [
    "earlier ones",
    [res("a"), res("b", { parent: urn("a"), dependencies: [urn("a")], propertyDependencies: { p: [urn("a")] }, deletedWith: urn("a") })],
  ],
  ["an earlier one that it is replaced with", [res("a"), res("b", { replaceWith: [urn("a")] })]],
  ["a registered provider", [provider, res("a", { provider: `${provider.urn}::1` })]],
  ["a provider that is gone, while being replaced", [res("a", { provider: `${provider.urn}::1`, pendingReplacement: true })]],
  ["its namesake that is being deleted", [res("a"), res("a", { delete: true })]],
])("finds no fault with a resource that refers to %s", async (_, resources) => {
  expect(await check(resources)).toBeUndefined();
});

it.each<[string, object[]]>([
  ["no urn", [{ custom: true, type: "t" }]],
  ["no type", [{ urn: "u", custom: true }]],
  ["an id without being custom", [res("a", { custom: false, id: "1" })]],
  ["an unknown provider", [provider, res("a", { provider: `${provider.urn}::2` })]],
  ["a parent behind it", [res("b", { parent: urn("a") }), res("a")]],
  ["a missing dependency", [res("b", { dependencies: [urn("a")] })]],
  ["a missing property dependency", [res("b", { propertyDependencies: { p: [urn("a")] } })]],
  ["a missing replaceWith", [res("b", { replaceWith: [urn("a")] })]],
  ["a missing deletedWith", [res("b", { deletedWith: urn("a") })]],
  ["a living namesake", [res("a"), res("a")]],
])("finds a resource with %s", async (_, resources) => {
  expect(await check(resources)).toBeTypeOf("string");
});

it("finds a wrong magic and snippets of one uuid", async () => {
  expect(await check([], { manifest: { version: "v1", magic: "" } })).toBeTypeOf("string");
  expect(await check([], { snippets: [{ uuid: "1" }, { uuid: "1" }] })).toBeTypeOf("string");
  expect(await check([], { snippets: [{}] })).toBeTypeOf("string");
  expect(await check([], { snippets: [{ uuid: "1" }, { uuid: "2" }] })).toBeUndefined();
});

/** A program: resources in the order of their registration. Each depends on some earlier ones, named by their distance. */
const program = fc.uniqueArray(fc.record({ name: fc.constantFrom(..."abcdefgh"), back: fc.uniqueArray(fc.nat(3), { maxLength: 2 }) }), {
  selector: ({ name }) => name,
  maxLength: 7,
});

const resourcesOf = (steps: { name: string; back: number[] }[]) =>
  steps.map(({ name, back }, i) => {
    const dependencies = back.flatMap((far) => (far < i ? [urn(steps[i - 1 - far]!.name)] : []));
    return res(name, { dependencies, ...(dependencies[0] && { parent: dependencies[0] }) });
  });

/**
 * The journal of an engine: it registers every resource of the program in order, then deletes the resources that the program lacks,
 * dependents first.
 */
function engine(base: { urn: string }[], wanted: { urn: string }[], replaced: Set<number>) {
  const entries: object[] = [entry(1, 6, { secretsProvider: { type: "b64" } })];
  let operationID = 0;
  const step = (type: string, more: object, resource: object) => {
    operationID++;
    entries.push(entry(entries.length + 1, 0, { operationID, operation: { resource, type } }));
    entries.push(entry(entries.length + 1, 1, { operationID, ...more }));
  };
  const leftovers: number[] = [];
  for (const [i, state] of wanted.entries()) {
    const position = base.findIndex((old) => old.urn === state.urn);
    if (position < 0) step("creating", { state }, state);
    else if (!replaced.has(i)) step("updating", { state, removeOld: position }, state);
    else {
      step("creating", { state, deleteOld: position }, state);
      leftovers.push(position);
    }
  }
  const gone = base.flatMap((old, position) =>
    leftovers.includes(position) || !wanted.some((state) => state.urn === old.urn) ? [position] : [],
  );
  for (const position of gone.toReversed()) step("deleting", { removeOld: position }, base[position]!);
  return entries;
}

it("finds no fault with any state that a valid journal leads to, wherever it breaks off", async () => {
  await fc.assert(
    fc.asyncProperty(program, program, fc.uniqueArray(fc.nat(6)), fc.nat(40), async (before, after, replaced, length) => {
      const base = { version: 3, deployment: { resources: resourcesOf(before) } };
      const entries = engine(base.deployment.resources, resourcesOf(after), new Set(replaced)).slice(0, length);
      const result = await collect(
        replay({
          base: async () => chunked(JSON.stringify(base)),
          journal: journalOf([entries]),
          manifestTime: "2026-11-24T10:00:00Z",
          cliVersion: "v3",
        }).chunks,
      );
      expect(await findIntegrityError(chunked(result))).toBeUndefined();
    }),
    { numRuns: 200 * inject("sizes").runs },
  );
});

it("finds no fault with a state after a refresh that found any resources gone", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.uniqueArray(fc.nat(6)), fc.boolean(), async (before, gone, rebuilt) => {
      const resources = resourcesOf(before);
      const entries = resources.map((state, i) =>
        entry(i + 1, 3, { operationID: i + 1, removeOld: i, isRefresh: true, ...(!gone.includes(i) && { state }) }),
      );
      if (rebuilt) entries.push(entry(100, 7));
      const result = await collect(
        replay({
          base: async () => chunked(JSON.stringify({ version: 3, deployment: { resources } })),
          journal: journalOf([entries]),
          manifestTime: "2026-11-24T10:00:00Z",
          cliVersion: "v3",
        }).chunks,
      );
      expect(await findIntegrityError(chunked(result))).toBeUndefined();
    }),
    { numRuns: 200 * inject("sizes").runs },
  );
});

import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { StateError } from "../../../src/state/errors.ts";
import { replay } from "../../../src/state/replay/replay.ts";
import { baseText, journalTexts } from "../arbitrary.ts";
import { AliasConflict, modelReplay } from "../model.ts";
import { chunked, collect, drain, journalOf, readable } from "../support.ts";
import { splitDeployment } from "../../../src/state/json/split.ts";

const TIME = "2026-11-24T10:00:00Z";
const CLI = "v3.259.0";

interface Case {
  base: string | null;
  batches: string[];
  chunkSizes: number[];
  mayHint: boolean;
  cliVersion: string;
}

const cases = (aliases: boolean): fc.Arbitrary<Case> =>
  fc.record({
    base: fc.option(baseText({ aliases }), { freq: 8 }),
    batches: journalTexts({ aliases }),
    chunkSizes: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 3 }),
    mayHint: fc.boolean(),
    cliVersion: fc.constantFrom(CLI, CLI, ""),
  });

type Entries = { entries: { sequenceID: number; state?: object }[] };
const entriesOf = (batches: string[]) => batches.flatMap((batch) => (JSON.parse(batch) as Entries).entries);

const isAliasFree = (base: string | null) =>
  !((JSON.parse(base ?? "{}") as { deployment?: { resources?: { aliases?: string[] }[] } | null }).deployment?.resources ?? []).some(
    (r) => r.aliases?.length,
  );

const input = ({ base, batches, chunkSizes, mayHint, cliVersion }: Case) => ({
  base: base === null ? null : async () => chunked(base, chunkSizes),
  baseIsAliasFree: mayHint && isAliasFree(base),
  journal: journalOf(batches),
  manifestTime: TIME,
  cliVersion,
});

function modelOrConflict({ base, batches, cliVersion }: Case) {
  try {
    return modelReplay(base, entriesOf(batches), TIME, cliVersion);
  } catch (error) {
    if (error instanceof AliasConflict) return undefined;
    throw error;
  }
}

async function agrees(example: Case) {
  const expected = modelOrConflict(example);
  if (!expected) return void (await expect(drain(replay(input(example)))).rejects.toBeInstanceOf(StateError));

  const { text, summary } = await drain(replay(input(example)));
  expect(JSON.parse(text)).toEqual(expected);
  const resources = (expected["deployment"].resources ?? []) as { type: string; id?: string }[];
  expect(summary).toEqual({
    resources: resources.length,
    version: expected["version"],
    features: expected["features"] ?? [],
    onlyRootStack: resources.every((r) => r.type === "pulumi:pulumi:Stack"),
    aliasFree: true,
    references: [...new Set(resources.flatMap(({ type, id }) => (type === "pulumi:pulumi:StackReference" && id ? [id] : [])))],
  });
  // The same input gives the same bytes.
  expect(await collect(replay(input(example)).chunks)).toBe(text);
}

it("agrees with the model on any journal over any base", async () => {
  await fc.assert(fc.asyncProperty(cases(false), agrees), { numRuns: 400 * inject("sizes").runs });
});

it("agrees with the model when there are aliases", async () => {
  await fc.assert(fc.asyncProperty(cases(true), agrees), { numRuns: 400 * inject("sizes").runs });
});

const resourceTexts = async (body: string) =>
  (await readable(splitDeployment(chunked(body))))
    .filter((part) => (part as { at: string }).at === "resource")
    .map((part) => (part as { text: string }).text);

it("keeps every byte of a resource that it does not have to change", async () => {
  await fc.assert(
    fc.asyncProperty(cases(true), async (example) => {
      if (!modelOrConflict(example)) return;
      const { text } = await drain(replay(input(example)));
      // The same resource can occur twice with two spellings, and each of them is correct.
      const spellings = new Map<string, Set<string>>();
      const add = (spelling: string) => {
        const meaning = JSON.stringify(JSON.parse(spelling));
        spellings.set(meaning, (spellings.get(meaning) ?? new Set()).add(spelling));
      };
      if (example.base) for (const spelling of await resourceTexts(example.base)) add(spelling);
      for (const batch of example.batches) for (const spelling of await statesOf(batch)) add(spelling);
      for (const after of await resourceTexts(text)) {
        const before = spellings.get(JSON.stringify(JSON.parse(after)));
        if (before) expect(before).toContain(after);
      }
    }),
    { numRuns: 150 * inject("sizes").runs },
  );
});

/** The texts of all states in a batch. The splitter finds them, with each entry as a resource of a deployment. */
async function statesOf(batch: string): Promise<string[]> {
  const entries = await resourceTexts(`{"deployment":{"resources":${batch.slice('{"entries":'.length, -1)}}}`);
  const states: string[] = [];
  for (const entry of entries) {
    for (const part of (await readable(splitDeployment(chunked(entry)))) as { key: string; text: string }[]) {
      if (part.key === "state") states.push(part.text);
      if (part.key === "newSnapshot") states.push(...(await resourceTexts(`{"deployment":${part.text}}`)));
    }
  }
  return states;
}

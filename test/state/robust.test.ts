import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { inspect } from "../../src/state/checkpoint.ts";
import { StateError } from "../../src/state/errors.ts";
import { findIntegrityError } from "./integrity.ts";
import { checkBatch } from "../../src/state/journal.ts";
import { encode } from "../../src/state/json/json.ts";
import { replay } from "../../src/state/replay/replay.ts";
import { objectOf, objectText, valueText } from "./arbitrary.ts";
import { chunked, collect, drain, journalOf } from "./support.ts";

/** Objects with the right names, values of any type and repeated names: the worst input that is still accepted. */
const odd = (names: string[], more: [string, fc.Arbitrary<string>][]): fc.Arbitrary<string> =>
  objectOf(
    fc.array(fc.oneof(fc.tuple(fc.constantFrom(...names), valueText), ...more.map(([name, text]) => fc.tuple(fc.constant(name), text))), {
      maxLength: 8,
    }),
  );
const nasty = fc.constantFrom('[{"toString":1,"valueOf":1}]', "[null]", "5", '"x"', "[]", "{}", "null", "true");

const resource = odd(
  ["urn", "type", "parent", "provider", "dependencies", "propertyDependencies", "replaceWith", "deletedWith", "viewOf", "aliases", "id"],
  [
    ["dependencies", nasty],
    ["propertyDependencies", fc.constantFrom('{"a":[1,null,"x"]}', '{"a":5}', '"abc"')],
    ["aliases", fc.constantFrom('["a"]', '[1,"b"]')],
  ],
);
const list = (element: fc.Arbitrary<string>) =>
  fc.oneof(
    nasty,
    fc.array(element, { maxLength: 3 }).map((all) => `[${all.join(",")}]`),
  );
const operation = odd(
  ["resource", "type"],
  [
    ["resource", resource],
    ["resource", nasty],
  ],
);
const deployment = odd(
  ["manifest", "secrets_providers", "metadata", "snippets", "extensions"],
  [
    ["manifest", nasty],
    ["metadata", nasty],
    ["extensions", nasty],
    ["snippets", nasty],
    ["snippets", fc.constantFrom('[{"references":5},null,{"references":{"a":"b"}}]')],
    ["resources", list(resource)],
    ["pending_operations", list(operation)],
  ],
);
const base = fc.tuple(deployment, valueText).map(([text, features]) => `{"version":3,"features":${features},"deployment":${text}}`);

const int = fc.constantFrom("0", "1", "2", "null");
const entry = fc
  .tuple(
    odd(
      ["isRefresh", "extensionRef", "kind", "newSnapshot", "snippets", "secretsProvider", "extension"],
      [
        ["state", resource],
        ["state", nasty],
        ["operation", operation],
        ["operation", nasty],
        ["newSnapshot", deployment],
        ["removeOld", int],
        ["removeNew", int],
        ["snippets", list(objectText)],
        ["secretsProvider", objectText],
        ["extension", objectText],
        ["extensionRef", fc.constant('"e"')],
        ["isRefresh", fc.constantFrom("true", "false")],
      ],
    ),
    fc.nat(9),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([text, kind, id]) =>
    text.replace(/\s*\}$/, `${text.length > 4 ? "," : ""}"version":1,"kind":${kind},"sequenceID":${id},"operationID":${id}}`),
  );

const accepted = (check: () => unknown) => {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof StateError) return false;
    throw error;
  }
};

it("can replay whatever it has accepted", async () => {
  let replayed = 0;
  await fc.assert(
    fc.asyncProperty(base, fc.array(entry, { maxLength: 6 }), fc.boolean(), async (text, entries, unchecked) => {
      const batches = entries.map((one) => `{"entries":[${one}]}`).filter((batch) => accepted(() => checkBatch(encode(batch))));
      const state = await drain(inspect(chunked(text))).then(
        ({ summary }) => ({ text, aliasFree: summary.aliasFree }),
        (error: unknown) => {
          expect(error).toBeInstanceOf(StateError);
          return null;
        },
      );
      const open = state && (async () => chunked(state.text));
      try {
        const result = await collect(
          replay({
            base: open,
            baseIsAliasFree: !unchecked && state?.aliasFree,
            journal: journalOf(batches),
            manifestTime: "t",
            cliVersion: "",
          }).chunks,
        );
        JSON.parse(result);
        await findIntegrityError(chunked(result));
        if (state && batches.length > 0) replayed++;
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
        expect((error as Error).message).toMatch(/have the same alias/);
      }
    }),
    { numRuns: 500 * inject("sizes").runs },
  );
  // About one in twenty inputs is replayed; with none, the generator would be useless.
  expect(replayed).toBeGreaterThan(0);
});

import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { emptyDeployment, fromCheckpoint, inspect } from "../../src/state/checkpoint.ts";
import { StateError } from "../../src/state/errors.ts";
import { splitDeployment } from "../../src/state/json/split.ts";
import { baseText } from "./arbitrary.ts";
import { chunked, collect, drain, readable, urn } from "./support.ts";

const stack = { urn: urn("proj-dev", "pulumi:pulumi:Stack"), custom: false, type: "pulumi:pulumi:Stack" };
const inspected = (body: unknown) => drain(inspect(chunked(typeof body === "string" ? body : JSON.stringify(body))));
const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 3 });

it("passes an import through byte for byte", async () => {
  await fc.assert(
    fc.asyncProperty(baseText({ aliases: true }), sizes, async (body, chunkSizes) => {
      const { deployment } = JSON.parse(body) as { deployment: { resources?: { aliases?: string[] }[] } | null };
      if (deployment === null) return;
      const { text, summary } = await drain(inspect(chunked(body, chunkSizes)));
      expect(text).toBe(body);
      expect(summary.resources).toBe(deployment.resources?.length ?? 0);
      expect(summary.aliasFree).toBe(!deployment.resources?.some((r) => r.aliases?.length));
    }),
    { numRuns: 150 * inject("sizes").runs },
  );
});

it("summarizes an import", async () => {
  const state = {
    version: 4,
    features: ["taint", "hooks"],
    deployment: { manifest: {}, resources: [stack], secrets_providers: { type: "service", state: { owner: "o" } } },
  };
  expect((await inspected(state)).summary).toEqual({
    resources: 1,
    version: 4,
    features: ["hooks", "taint"],
    onlyRootStack: true,
    aliasFree: true,
    references: [],
    secretsProvider: { type: "service", state: '{"owner":"o"}' },
    ciphertexts: [],
    manifestOk: true,
  });
});

it("takes the state of a new stack", async () => {
  expect((await inspected(emptyDeployment)).summary).toEqual({
    resources: 0,
    version: 3,
    features: [],
    onlyRootStack: true,
    aliasFree: true,
    references: [],
    ciphertexts: [],
    manifestOk: true,
  });
});

it("finds the first ciphertexts of an import, and nothing that only looks like one", async () => {
  const secret = (ciphertext: unknown) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });
  const resource = (inputs: unknown) => ({ ...stack, inputs });
  const resources = [
    resource({ a: secret("A"), ciphertext: "no" }),
    resource([[secret("B")], secret(1), "1b47061264138c4ac30d75fd1eb44270"]),
  ];
  const pending_operations = [{ resource: resource({ c: secret("C") }), type: "creating" }];
  const found = async (deployment: unknown) => (await inspected({ version: 3, deployment })).summary.ciphertexts;
  expect(await found({ resources, pending_operations })).toEqual(["A", "B", "C"]);
  expect(await found({ resources: Array.from({ length: 60 }, () => resource({ a: secret("A"), b: secret("B") })) })).toHaveLength(100);
});

it.each([
  [{ version: "v3.1.0", magic: "x" }, false],
  [{ version: "v3.1.0" }, false],
  [{ version: 3 }, false],
  [{ version: "abc", magic: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }, true],
  [{ version: "", magic: "" }, true],
  [{}, true],
  [null, true],
])("checks the magic of manifest %j: %s", async (manifest, ok) => {
  expect((await inspected({ version: 3, deployment: { manifest } })).summary.manifestOk).toBe(ok);
});

it.each([
  ["no version", { deployment: {} }],
  ["version 0", { version: 0, deployment: {} }],
  ["version 5", { version: 5, deployment: {} }],
  ["a version that is text", { version: "3", deployment: {} }],
  ["no deployment", { version: 3 }],
  ["a null deployment", { version: 3, deployment: null }],
  ["features that are no list", { version: 4, features: "taint", deployment: {} }],
  ["a secrets provider without a type", { version: 3, deployment: { secrets_providers: {} } }],
  ["text that is not JSON", "{"],
])("refuses an import with %s", async (_, body) => {
  await expect(inspected(body)).rejects.toBeInstanceOf(StateError);
});

const partsOf = async (body: string) => (await readable(splitDeployment(chunked(body)))) as { at: string; key?: string; text: string }[];

it("makes a state of a checkpoint, every part of the deployment as it came", async () => {
  await fc.assert(
    fc.asyncProperty(baseText({ aliases: true }), sizes, async (body, chunkSizes) => {
      const checkpoint = body.replace("{", '{"isInvalid":false,');
      const { text, summary } = await drain(fromCheckpoint(chunked(checkpoint, chunkSizes)));
      const [before, after] = [await partsOf(checkpoint), await partsOf(text)];
      const inside = (parts: typeof before) => parts.filter((part) => part.at !== "envelope");
      const outside = (parts: typeof before) =>
        parts.filter((part) => part.at === "envelope" && part.key !== "isInvalid" && part.key !== "deployment");
      expect(inside(after)).toEqual(inside(before));
      expect(outside(after)).toEqual(outside(before));
      expect(after.some((part) => part.key === "isInvalid")).toBe(false);
      expect(summary.resources).toBe(before.filter((part) => part.at === "resource").length);
      expect(JSON.parse(text).deployment).toBeTypeOf("object");
    }),
    { numRuns: 150 * inject("sizes").runs },
  );
});

it("refuses a checkpoint that marks itself as invalid", async () => {
  await expect(collect(fromCheckpoint(chunked('{"version":3,"deployment":{},"isInvalid":true}')).chunks)).rejects.toBeInstanceOf(
    StateError,
  );
  await expect(collect(fromCheckpoint(chunked('{"version":3,"isInvalid":false}')).chunks)).rejects.toBeInstanceOf(StateError);
});

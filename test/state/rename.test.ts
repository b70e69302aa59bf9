import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { type Names, rename } from "../../src/state/rename.ts";
import { baseText, objectOf, objectText, resourceText, valueText } from "./arbitrary.ts";
import { chunked, collect, urn } from "./support.ts";

const from: Names = { owner: "acme", project: "proj", stack: "dev" };
const to: Names = { owner: "globex", project: "api", stack: "prod-1" };
const renamed = (text: string, names: Names = to, sizes?: number[]) => collect(rename(chunked(text, sizes), from, names));

const deployment = (members: object) => JSON.stringify({ version: 3, deployment: { manifest: {}, ...members } });
const resourcesOf = async (...resources: unknown[]) =>
  (JSON.parse(await renamed(deployment({ resources }))) as { deployment: { resources: unknown[] } }).deployment.resources;

const sig = "4dabf18193072939515e22adb298388d";
const reference = (name: string) => ({ [sig]: "5cf8f73096256a8f31e491e813e4eb8e", urn: urn(name), packageVersion: "" });
const newUrn = (name: string, type = "a:b:C") => `urn:pulumi:prod-1::api::${type}::${name}`;
const root = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev";
const newRoot = "urn:pulumi:prod-1::api::pulumi:pulumi:Stack::api-prod-1";

describe("a renamed state", () => {
  it("has new URNs in every member of a resource that holds them", async () => {
    const before = {
      urn: urn("x"),
      custom: true,
      type: "a:b:C",
      parent: root,
      provider: `${urn("p::q", "pulumi:providers:a")}::id`,
      dependencies: [urn("y"), urn("z::w")],
      propertyDependencies: { p: [urn("y")], __proto__x: [] },
      deletedWith: urn("y"),
      replaceWith: [urn("y")],
      aliases: [urn("old"), "urn:pulumi:other::proj::a:b:C::x"],
      viewOf: urn("y"),
    };
    expect(await resourcesOf(before)).toEqual([
      {
        urn: newUrn("x"),
        custom: true,
        type: "a:b:C",
        parent: newRoot,
        provider: `${newUrn("p::q", "pulumi:providers:a")}::id`,
        dependencies: [newUrn("y"), newUrn("z::w")],
        propertyDependencies: { p: [newUrn("y")], __proto__x: [] },
        deletedWith: newUrn("y"),
        replaceWith: [newUrn("y")],
        aliases: [newUrn("old"), "urn:pulumi:other::proj::a:b:C::x"],
        viewOf: newUrn("y"),
      },
    ]);
  });

  it("has them in references to resources at any depth, and in nothing that only looks like one", async () => {
    const before = {
      urn: urn("x"),
      inputs: { a: reference("y"), b: [{ c: [[reference("z")]] }], text: urn("x"), fake: { [sig]: "other", urn: urn("x") } },
      outputs: { urn: urn("x"), late: { urn: urn("y"), nested: { deep: reference("w") }, [sig]: "5cf8f73096256a8f31e491e813e4eb8e" } },
      replacementTrigger: reference("t"),
      importID: urn("x"),
      newerThanUs: reference("n"),
    };
    const after = (name: string) => ({ ...reference(name), urn: newUrn(name) });
    expect(await resourcesOf(before)).toEqual([
      {
        urn: newUrn("x"),
        inputs: { a: after("y"), b: [{ c: [[after("z")]] }], text: urn("x"), fake: { [sig]: "other", urn: urn("x") } },
        outputs: { urn: urn("x"), late: { urn: newUrn("y"), nested: { deep: after("w") }, [sig]: "5cf8f73096256a8f31e491e813e4eb8e" } },
        replacementTrigger: after("t"),
        importID: urn("x"),
        newerThanUs: reference("n"),
      },
    ]);
  });

  it("has a root of the new pair's name", async () => {
    expect(await resourcesOf({ urn: root, type: "pulumi:pulumi:Stack" })).toEqual([{ urn: newRoot, type: "pulumi:pulumi:Stack" }]);
  });

  it("has them in pending operations and snippets, and asks for its secrets under the new names", async () => {
    const state = {
      secrets_providers: { type: "service", state: { url: "https://x", owner: "acme", project: "proj", stack: "dev", n: 1 } },
      pending_operations: [{ type: "creating", resource: { urn: urn("x"), parent: root } }],
      snippets: [{ uuid: "1", references: { a: urn("x"), b: "no urn" }, code: urn("x") }, null, {}],
      metadata: { urn: urn("x") },
      resource: { urn: urn("x") },
    };
    expect(JSON.parse(await renamed(deployment(state)))).toEqual({
      version: 3,
      deployment: {
        manifest: {},
        secrets_providers: { type: "service", state: { url: "https://x", owner: "globex", project: "api", stack: "prod-1", n: 1 } },
        pending_operations: [{ type: "creating", resource: { urn: newUrn("x"), parent: newRoot } }],
        snippets: [{ uuid: "1", references: { a: newUrn("x"), b: "no urn" }, code: urn("x") }, null, {}],
        metadata: { urn: urn("x") },
        resource: { urn: urn("x") },
      },
    });
  });

  it("leaves other secrets providers alone", async () => {
    const state = { secrets_providers: { type: "passphrase", state: { salt: "v1", project: "proj", stack: "dev" } } };
    expect(JSON.parse(await renamed(deployment(state)))).toMatchObject({ deployment: state });
  });

  it("takes no stack or project for its own whose name only begins alike", async () => {
    for (const other of [
      "urn:pulumi:dev2::proj::a:b:C::x",
      "urn:pulumi:dev::proj2::a:b:C::x",
      "urn:pulumi:de::proj::a:b:C::x",
      "urn:pulumi:dev",
    ])
      expect(await resourcesOf({ urn: other, parent: "", dependencies: null, inputs: 5 })).toEqual([
        { urn: other, parent: "", dependencies: null, inputs: 5 },
      ]);
  });

  it("keeps all bytes but the names", async () => {
    const odd = `{ "urn" : "urn:pulumi:dev::proj::a:b:C::\\u003cé\\ud800","b":9007199254740993,\n "inputs":{"__proto__":1.0, "10":-0 ,"9":1e400}}`;
    const far = `{"urn":"urn:pulumi:x::y::a:b:C::z", "inputs" : {"b":1.0,"a":[ ]}}`;
    const text = await renamed(`{"version":3,"deployment":{"resources":[${odd},\n${far}],"futureKey":[1, 2]},"unknown":{ }}`);
    expect(text).toContain(odd.replace("dev::proj", "prod-1::api"));
    expect(text).toContain(far);
    expect(text).toContain('"futureKey":[1, 2]');
    expect(text).toContain('"unknown":{ }');
  });

  it("sees through escapes", async () => {
    const text = await renamed(`{"version":3,"deployment":{"resources":[{"\\u0075rn":"\\u0075rn:pulumi:dev::proj::a:b:C::x\\""}]}}`);
    expect(JSON.parse(text)).toMatchObject({ deployment: { resources: [{ urn: `${newUrn("x")}"` }] } });
  });

  it("may be nested as deep as it likes", async () => {
    const depth = 200_000;
    const deep = `${'[{"a":'.repeat(depth)}${JSON.stringify(reference("x"))}${"}]".repeat(depth)}`;
    const text = await renamed(`{"version":3,"deployment":{"resources":[{"urn":"","inputs":${deep}}]}}`);
    expect(text).toContain(newUrn("x"));
    expect(text.length).toBe(
      deep.length + text.indexOf("[{") + '[{"urn":"","inputs":}]},"version":3}'.length + to.stack.length - 3 + to.project.length - 4,
    );
  });
});

/** A simple model: it parses, changes and compares whole values. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const mapMembers = (value: Json, change: (key: string, member: Json) => Json): Json =>
  isObject(value) ? (Object.fromEntries(Object.entries(value).map(([key, member]) => [key, change(key, member)])) as Json) : value;
const mapElements = (value: Json, change: (element: Json) => Json): Json => (Array.isArray(value) ? value.map(change) : value);

function modelUrn(value: Json): Json {
  if (typeof value !== "string") return value;
  const [urnPart, stack, project, ...rest] = [value.slice(0, 11), ...value.slice(11).split("::")];
  if (urnPart !== "urn:pulumi:" || stack !== from.stack || project !== from.project || rest.length === 0) return value;
  const tail = rest[0] === "pulumi:pulumi:Stack" && rest.length > 1 ? ["pulumi:pulumi:Stack", `${to.project}-${to.stack}`] : rest;
  return `urn:pulumi:${to.stack}::${to.project}::${tail.join("::")}`;
}

function modelValue(value: Json): Json {
  if (Array.isArray(value)) return value.map(modelValue);
  const isReference = isObject(value) && value[sig] === "5cf8f73096256a8f31e491e813e4eb8e";
  return mapMembers(value, (key, member) => (isReference && key === "urn" ? modelUrn(member) : modelValue(member)));
}

const modelResource = (resource: Json): Json =>
  mapMembers(resource, (key, value) => {
    if (["urn", "parent", "deletedWith", "viewOf"].includes(key)) return modelUrn(value);
    if (key === "provider" && typeof value === "string" && value.includes("::"))
      return `${modelUrn(value.slice(0, value.lastIndexOf("::"))) as string}${value.slice(value.lastIndexOf("::"))}`;
    if (["dependencies", "replaceWith", "aliases"].includes(key)) return mapElements(value, modelUrn);
    if (key === "propertyDependencies") return mapMembers(value, (_, urns) => mapElements(urns, modelUrn));
    if (["inputs", "outputs", "replacementTrigger"].includes(key)) return modelValue(value);
    return value;
  });

const model = (state: Json): Json =>
  mapMembers(state, (key, value) =>
    key !== "deployment"
      ? value
      : mapMembers(value, (name, member) => {
          if (name === "resources") return mapElements(member, modelResource);
          if (name === "pending_operations")
            return mapElements(member, (operation) => mapMembers(operation, (k, v) => (k === "resource" ? modelResource(v) : v)));
          if (name === "snippets")
            return mapElements(member, (snippet) =>
              mapMembers(snippet, (k, v) => (k === "references" ? mapMembers(v, (_, u) => modelUrn(u)) : v)),
            );
          if (name === "secrets_providers" && isObject(member) && member["type"] === "service")
            return { ...member, state: { ...(member["state"] as object), ...to } };
          return member;
        }),
  );

/** The model leaves out an empty list of the deployment. */
function withoutEmptyLists(state: Json): Json {
  const deploymentOf = (value: Json): Json =>
    isObject(value)
      ? Object.fromEntries(
          Object.entries(value).filter(
            ([key, list]) => !(/^(resources|pending_operations)$/.test(key) && Array.isArray(list) && list.length === 0),
          ),
        )
      : {};
  return mapMembers(state, (key, value) => (key === "deployment" ? deploymentOf(value) : value));
}

const withReferences = fc
  .tuple(objectText, fc.constantFrom("x", "y::z"), valueText)
  .map(
    ([object, name, other]) => `{"list":[${object},${JSON.stringify(reference(name))},{"urn":${JSON.stringify(urn(name))},"o":${other}}]}`,
  );
const stateText = fc.oneof(
  baseText({ aliases: true }),
  fc
    .array(
      fc.oneof(
        resourceText({ aliases: true }),
        objectOf(
          fc.tuple(withReferences, withReferences).map(([a, b]): [string, string][] => [
            ["urn", `"${root}"`],
            ["inputs", a],
            ["replacementTrigger", b],
          ]),
        ),
      ),
      { maxLength: 5 },
    )
    .map((resources) => `{"version":3,"deployment":{"resources":[${resources.join(" ,")}]}}`),
);

it("equals the result of a simple model, however the input is split", async () => {
  await fc.assert(
    fc.asyncProperty(stateText, fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 3 }), async (text, sizes) => {
      const expected = withoutEmptyLists(model(JSON.parse(text) as Json));
      expect(JSON.parse(await renamed(text, to, sizes))).toEqual(expected);
    }),
    { numRuns: 300 * inject("sizes").runs },
  );
});

it("is the same after it is renamed back, and renaming twice is renaming once", async () => {
  await fc.assert(
    fc.asyncProperty(stateText, async (text) => {
      const there = await renamed(text);
      expect(await collect(rename(chunked(there), from, to))).toBe(there);
      const back = await collect(rename(chunked(there), to, from));
      expect(await collect(rename(chunked(back), from, to))).toBe(there);
    }),
    { numRuns: 100 * inject("sizes").runs },
  );
});

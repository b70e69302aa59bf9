import { describe, expect, it } from "vitest";
import { StateError } from "../../../src/state/errors.ts";
import { findIntegrityError } from "../integrity.ts";
import { encode } from "../../../src/state/json/json.ts";
import { replay } from "../../../src/state/replay/replay.ts";
import { chunked, collect, drain, entry, journalOf, urn } from "../support.ts";

const TIME = "2026-11-24T10:00:00Z";
const CLI = "v3.259.0";

// oxlint-disable-next-line typescript/no-explicit-any -- parsed JSON of many shapes
type Obj = Record<string, any>;

const res = (name: string, more: object = {}) => ({ urn: urn(name), custom: true, type: "a:b:C", ...more });
const baseOf = (resources: object[], more: object = {}, envelope: object = {}) => ({
  version: 3,
  deployment: { manifest: {}, resources, ...more },
  ...envelope,
});

async function run(base: object | null, entries: object[], cliVersion = CLI) {
  const { text, summary } = await drain(
    replay({ base: base && (async () => chunked(JSON.stringify(base))), journal: journalOf([entries]), manifestTime: TIME, cliVersion }),
  );
  const state = JSON.parse(text) as Obj;
  return { state, deployment: state["deployment"] as Obj, resources: state["deployment"].resources as Obj[], text, summary };
}

const names = (resources: Obj[]) => resources.map((r) => (r["urn"] as string).split("::").at(-1));

it("makes a first state from nothing", async () => {
  const stack = { urn: urn("proj-dev", "pulumi:pulumi:Stack"), custom: false, type: "pulumi:pulumi:Stack" };
  const { state, summary } = await run(null, [
    entry(1, 6, { secretsProvider: { type: "service", state: { owner: "o" } } }),
    entry(2, 0, { operationID: 1, operation: { resource: stack, type: "creating" } }),
    entry(3, 1, { operationID: 1, state: stack }),
  ]);
  expect(state).toEqual({
    version: 3,
    deployment: {
      manifest: { time: TIME, magic: expect.stringMatching(/^[0-9a-f]{64}$/), version: CLI },
      secrets_providers: { type: "service", state: { owner: "o" } },
      resources: [stack],
      metadata: {},
    },
  });
  expect(summary).toEqual({ resources: 1, version: 3, features: [], onlyRootStack: true, aliasFree: true, references: [] });
});

it("keeps an empty stack empty", async () => {
  const { deployment, summary } = await run(null, []);
  expect(deployment).not.toHaveProperty("resources");
  expect(summary).toMatchObject({ resources: 0, onlyRootStack: true });
});

it.each([
  [{ version: 3, deployment: null }],
  [
    {
      version: 3,
      deployment: { resources: null, pending_operations: null, snippets: null, extensions: null, metadata: null, secrets_providers: null },
    },
  ],
])("reads %j as empty", async (base) => {
  const { deployment } = await run(base, [entry(1, 6, { secretsProvider: { type: "b64" } })]);
  expect(deployment).toEqual({ manifest: expect.anything(), secrets_providers: { type: "b64" }, metadata: {} });
});

it("writes the members in the CLI's order, if it finds them so", async () => {
  const order = ["manifest", "secrets_providers", "resources", "pending_operations", "metadata"];
  const journal = [
    entry(1, 6, { secretsProvider: { type: "b64" } }),
    entry(2, 1, { operationID: 1, state: res("x") }),
    entry(3, 0, { operationID: 2, operation: { resource: res("y"), type: "creating" } }),
  ];
  const first = await run(null, journal);
  expect(Object.keys(first.deployment)).toEqual(order);
  expect(Object.keys((await run(first.state, journal)).deployment)).toEqual(order);
  expect(Object.keys((await run(first.state, [...journal, entry(4, 7)])).deployment)).toEqual(order);
  const { manifest, secrets_providers, ...behind } = first.deployment;
  const turned = { ...first.state, deployment: { ...behind, secrets_providers, manifest } };
  expect((await run(turned, [], "")).deployment).toEqual({ ...turned.deployment, manifest: { ...manifest, time: TIME } });
});

it("puts new resources first, in the order of their success, then what is left of the base", async () => {
  const { resources } = await run(baseOf([res("a"), res("b"), res("c")]), [
    entry(4, 1, { operationID: 2, state: res("y") }),
    entry(2, 1, { operationID: 1, state: res("x") }),
    entry(6, 1, { operationID: 3, removeOld: 0 }), // 0 is a position like any other
  ]);
  expect(names(resources)).toEqual(["x", "y", "b", "c"]);
});

it("takes the last of two entries with one sequence id", async () => {
  const { resources } = await run(null, [
    entry(1, 1, { operationID: 1, state: res("first") }),
    entry(1, 1, { operationID: 1, state: res("again") }),
  ]);
  expect(names(resources)).toEqual(["again"]);
});

it("keeps both halves of a replacement that creates first", async () => {
  const { resources } = await run(baseOf([res("a", { id: "old" })]), [
    entry(1, 1, { operationID: 1, state: res("a", { id: "new" }), deleteOld: 0 }),
  ]);
  expect(resources).toEqual([res("a", { id: "new" }), res("a", { id: "old", delete: true })]);
});

it("keeps the old one of a replacement that deletes first, marked", async () => {
  const { resources } = await run(baseOf([res("a")]), [entry(1, 1, { operationID: 1, pendingReplacementOld: 0 })]);
  expect(resources).toEqual([res("a", { pendingReplacement: true })]);
});

it("drops and marks resources of this very update by their operation", async () => {
  const { resources } = await run(null, [
    entry(1, 1, { operationID: 1, state: res("a") }),
    entry(2, 1, { operationID: 2, state: res("b") }),
    entry(3, 1, { operationID: 3, state: res("c") }),
    entry(4, 1, { operationID: 4, removeNew: 1 }),
    entry(5, 1, { operationID: 5, deleteNew: 2, pendingReplacementNew: 3 }),
  ]);
  expect(resources).toEqual([res("b", { delete: true }), res("c", { pendingReplacement: true })]);
});

it("ignores references to operations that have no resource", async () => {
  const { resources } = await run(null, [
    entry(1, 1, { operationID: 1, state: res("a") }),
    entry(2, 2, { operationID: 2, state: res("failed") }),
    entry(3, 1, { operationID: 3, removeNew: 2, deleteNew: 2, pendingReplacementNew: 9 }),
    entry(4, 4, { operationID: 4, removeNew: 2, state: res("z") }),
  ]);
  expect(resources).toEqual([res("a")]);
});

it("replaces a resource when its outputs are registered", async () => {
  const { resources } = await run(baseOf([res("old")]), [
    entry(1, 1, { operationID: 1, state: res("new") }),
    entry(2, 4, { operationID: 2, removeNew: 1, state: res("new", { outputs: { a: 1 } }) }),
    entry(3, 4, { operationID: 3, removeOld: 0, state: res("old", { outputs: { b: 2 } }) }),
  ]);
  expect(resources).toEqual([res("new", { outputs: { a: 1 } }), res("old", { outputs: { b: 2 } })]);
});

it("notes operations that have begun and not ended, in the order of their ids", async () => {
  const operation = (name: string, type: string) => ({ resource: res(name), type });
  const { deployment } = await run(baseOf([], { pending_operations: [operation("lost", "creating"), operation("gone", "updating")] }), [
    entry(1, 0, { operationID: 9, operation: operation("late", "deleting") }),
    entry(2, 0, { operationID: 1, operation: operation("failed", "creating") }),
    entry(3, 0, { operationID: 2 }),
    entry(4, 0, { operationID: 3, operation: operation("early", "updating") }),
    entry(5, 2, { operationID: 1 }),
  ]);
  expect(deployment["pending_operations"]).toEqual([
    operation("early", "updating"),
    operation("late", "deleting"),
    operation("lost", "creating"),
  ]);
});

it("removes references to what a refresh found gone", async () => {
  const a = urn("a");
  const links = { dependencies: [a], propertyDependencies: { p: [a], q: [urn("b")] }, replaceWith: [a], deletedWith: a, parent: a };
  const { resources, summary } = await run(baseOf([res("a"), res("b"), res("c", links), res("d", { dependencies: [urn("b"), a] })]), [
    entry(1, 3, { operationID: 1, removeOld: 0, isRefresh: true }),
    entry(2, 3, { operationID: 2, removeOld: 1, isRefresh: true, state: res("b", { outputs: {} }) }),
  ]);
  expect(resources).toEqual([
    res("b", { outputs: {} }),
    res("c", { propertyDependencies: { q: [urn("b")] } }),
    res("d", { dependencies: [urn("b")] }),
  ]);
  expect(summary.features).toEqual([]);
});

it("counts positions from a rebuilt base on", async () => {
  const { resources } = await run(baseOf([res("a"), res("b"), res("c")]), [
    entry(1, 3, { operationID: 1, removeOld: 0, isRefresh: true }),
    entry(2, 1, { operationID: 2, state: res("n") }),
    entry(3, 7),
    entry(4, 1, { operationID: 3, removeOld: 0 }), // n
    entry(5, 1, { operationID: 4, state: res("c", { id: "new" }), removeOld: 2 }),
  ]);
  expect(resources).toEqual([res("c", { id: "new" }), res("b")]);
});

it("forgets what it knew about operations when the base is rebuilt", async () => {
  const { deployment, resources } = await run(baseOf([res("a"), res("b")]), [
    entry(1, 0, { operationID: 7, operation: { resource: res("updated"), type: "updating" } }),
    entry(2, 0, { operationID: 8, operation: { resource: res("created"), type: "creating" } }),
    entry(3, 1, { operationID: 1, state: res("x"), pendingReplacementOld: 0, deleteOld: 1 }),
    entry(4, 1, { operationID: 2, removeNew: 1 }),
    entry(5, 4, { operationID: 3, removeOld: 1, state: res("b", { id: "1" }) }),
    entry(6, 7),
    entry(7, 1, { operationID: 1, state: res("y") }), // dropped under this id before
    entry(8, 4, { operationID: 9, removeNew: 2, state: res("nobody") }),
  ]);
  expect(resources).toEqual([res("y"), res("a", { pendingReplacement: true }), res("b", { id: "1" })]);
  expect(deployment["pending_operations"]).toEqual([{ resource: res("created"), type: "creating" }]);
});

it("resolves aliases at each rebuilt base, but not in snippets that come later", async () => {
  const old = urn("old");
  const snippets = [{ uuid: "1", references: { a: old } }];
  const entries = [entry(1, 1, { operationID: 1, state: res("now", { aliases: [old] }) }), entry(2, 7)];
  const later = entry(4, 1, { operationID: 2, state: res("user", { dependencies: [old] }) });
  const before = await run(baseOf([], { snippets }), [...entries, later]);
  expect(before.deployment["snippets"]).toEqual([{ uuid: "1", references: { a: urn("now") } }]);
  expect(before.resources).toEqual([res("user", { dependencies: [old] }), res("now")]);
  const after = await run(baseOf([]), [...entries, entry(3, 9, { snippets })]);
  expect(after.deployment["snippets"]).toEqual(snippets);
});

it("takes a written snapshot for its base", async () => {
  const snapshot = {
    manifest: {},
    metadata: {},
    resources: [res("x"), res("y")],
    secrets_providers: { type: "passphrase", state: { salt: "s" } },
  };
  const { deployment, resources } = await run(baseOf([res("a")], { secrets_providers: { type: "b64" } }), [
    entry(1, 6, { secretsProvider: { type: "b64" } }),
    entry(2, 5, { newSnapshot: snapshot }),
    entry(3, 1, { operationID: 1, removeOld: 0 }),
  ]);
  expect(names(resources)).toEqual(["y"]);
  expect(deployment["secrets_providers"]).toEqual(snapshot.secrets_providers);
});

it("keeps the base's secrets provider byte for byte when the journal names the same one", async () => {
  const base = '{"version":3,"deployment":{"secrets_providers":{"state":{"n":1.0},"type":"t" , "x":1}}}';
  const journal = journalOf([
    '{"entries":[{"version":1,"kind":6,"sequenceID":1,"operationID":0,"removeOld":null,"removeNew":null,"secretsProvider":{"type":"t","state":{"n":1.0}}}]}',
  ]);
  const text = await collect(replay({ base: async () => chunked(base), journal, manifestTime: TIME, cliVersion: CLI }).chunks);
  expect(text).toContain('"secrets_providers":{"state":{"n":1.0},"type":"t" , "x":1}');
});

it.each([
  ["refreshBeforeUpdate", { refreshBeforeUpdate: true }],
  ["views", { viewOf: urn("v") }],
  ["hooks", { resourceHooks: { "before:create": ["h"] } }],
  ["taint", { taint: true }],
  ["replaceWith", { replaceWith: [urn("v")] }],
  ["extensionParameterization", { extensionRef: "e" }],
  ["snippets-prototype", { snippetID: "s" }],
])("declares %s for a resource, new, old or pending, with %j", async (feature, more) => {
  const fresh = entry(1, 1, { operationID: 1, state: res("a", more) });
  const pending = entry(1, 0, { operationID: 1, operation: { resource: res("a", more), type: "creating" } });
  for (const { state, summary } of [await run(null, [fresh]), await run(baseOf([res("a", more)]), []), await run(null, [pending])]) {
    expect(state).toMatchObject({ version: 4, features: [feature] });
    expect(summary).toMatchObject({ version: 4, features: [feature] });
  }
  const gone = await run(baseOf([res("a", more)], {}, { version: 4, features: [feature] }), [
    entry(1, 1, { operationID: 1, removeOld: 0 }),
  ]);
  expect(gone.state["version"]).toBe(3);
  expect(gone.state).not.toHaveProperty("features");
});

it("keeps features that cannot be seen in a resource, and those it does not know", async () => {
  const { state } = await run(baseOf([], {}, { version: 4, features: ["newer", "byteString", "taint"] }), []);
  expect(state).toMatchObject({ version: 4, features: ["byteString", "newer"] });
  expect((await run(null, [entry(1, 2, { operationID: 1, requiresByteString: true })])).state["features"]).toEqual(["byteString"]);
});

it("goes by the last of equal keys, as JSON.parse does", async () => {
  const base =
    '{"version":3,"version":3,"deployment":{"resources":[{"urn":"u","type":"t","type":"pulumi:pulumi:Stack","taint":true,"taint":false,"aliases":["a"],"aliases":[]}]}}';
  const { text, summary } = await drain(
    replay({ base: async () => chunked(base), journal: journalOf([]), manifestTime: TIME, cliVersion: CLI }),
  );
  expect(summary).toMatchObject({ version: 3, onlyRootStack: true });
  expect(text).toContain('"taint":true,"taint":false');
});

it("writes changed links with the same escapes as the CLI", async () => {
  const odd = urn("a<b>&c");
  const base = baseOf([res("gone"), { ...res("odd"), urn: odd }, res("b", { dependencies: [urn("gone"), odd] })]);
  const { text } = await run(base, [entry(1, 3, { operationID: 1, removeOld: 0, isRefresh: true })]);
  expect(text).toContain(String.raw`a\u003cb\u003e\u0026c"]`);
});

it("resolves aliases everywhere and forgets them", async () => {
  const [old, now] = [urn("c", "x:y:Old"), urn("c", "x:y:Comp")];
  const child = urn("k", "x:y:Old$a:b:C");
  const movedChild = urn("k", "x:y:Comp$a:b:C");
  const snippets = [{ uuid: "1", references: { c: old, other: urn("z") } }];
  const { deployment, resources } = await run(
    baseOf(
      [
        {
          urn: child,
          custom: true,
          type: "a:b:C",
          parent: old,
          provider: `${old}::id`,
          dependencies: [old],
          viewOf: old,
          deletedWith: old,
          replaceWith: [old],
          propertyDependencies: { p: [old] },
        },
        res("d", { dependencies: [child] }),
      ],
      { snippets },
    ),
    [entry(1, 1, { operationID: 1, state: { urn: now, custom: false, type: "x:y:Comp", aliases: [old] } })],
  );
  expect(resources).toEqual([
    { urn: now, custom: false, type: "x:y:Comp" },
    {
      urn: movedChild,
      custom: true,
      type: "a:b:C",
      parent: now,
      provider: `${now}::id`,
      dependencies: [now],
      viewOf: now,
      deletedWith: now,
      replaceWith: [now],
      propertyDependencies: { p: [now] },
    },
    res("d", { dependencies: [movedChild] }),
  ]);
  expect(deployment["snippets"]).toEqual([{ uuid: "1", references: { c: now, other: urn("z") } }]);
});

it("refuses two resources with the same alias", async () => {
  const state = (name: string) => ({ state: res(name, { aliases: [urn("old")] }) });
  await expect(
    run(null, [entry(1, 1, { operationID: 1, ...state("a") }), entry(2, 1, { operationID: 2, ...state("b") })]),
  ).rejects.toBeInstanceOf(StateError);
});

it("adds extensions, under those that are there", async () => {
  const ext = (name: string) => ({ name, version: "1", value: "" });
  const { deployment } = await run(baseOf([], { extensions: { e: ext("base") } }), [
    entry(1, 8, { operationID: 1, extensionRef: "e", extension: ext("new") }),
    entry(2, 8, { operationID: 2, extensionRef: "__proto__", extension: ext("other") }),
  ]);
  expect(Object.entries(deployment["extensions"])).toEqual([
    ["e", ext("base")],
    ["__proto__", ext("other")],
  ]);
});

it("keeps the extension of the earlier rebuilt base", async () => {
  const add = (sequenceID: number, name: string) =>
    entry(sequenceID, 8, { operationID: 1, extensionRef: "e", extension: { name, version: "1", value: "" } });
  const { deployment } = await run(null, [
    add(1, "replaced"),
    add(2, "first"),
    entry(3, 7),
    add(4, "second"),
    entry(5, 7),
    add(6, "third"),
  ]);
  expect(deployment["extensions"].e.name).toBe("first");
});

it("replaces the list of snippets", async () => {
  const { state, deployment } = await run(baseOf([], { snippets: [{ uuid: "1" }] }), [entry(1, 9, { snippets: [{ uuid: "2" }] })]);
  expect(deployment["snippets"]).toEqual([{ uuid: "2" }]);
  expect(state["features"]).toEqual(["snippets-prototype"]);
  expect((await run(baseOf([], { snippets: [{ uuid: "1" }] }), [entry(1, 9)])).deployment).not.toHaveProperty("snippets");
});

it("forgets a noted integrity error and keeps what else it does not know", async () => {
  const { state, deployment } = await run(baseOf([], { metadata: { integrity_error: {}, more: 1 }, newer: [1] }, { newest: 2 }), []);
  expect(deployment).toMatchObject({ metadata: { more: 1 }, newer: [1] });
  expect(deployment["metadata"]).not.toHaveProperty("integrity_error");
  expect(state["newest"]).toBe(2);
});

it("signs the manifest with the CLI's version, or else the base's", async () => {
  const base = { version: 3, deployment: { manifest: { version: "v3.1.0", magic: "x", time: "t" } } };
  const hash = async (version: string) =>
    [...new Uint8Array(await crypto.subtle.digest("SHA-256", encode(version)))].map((b) => b.toString(16).padStart(2, "0")).join("");
  expect((await run(base, [])).deployment["manifest"]).toEqual({ time: TIME, version: CLI, magic: await hash(CLI) });
  expect((await run(base, [], "")).deployment["manifest"]).toEqual({ time: TIME, version: "v3.1.0", magic: await hash("v3.1.0") });
  expect((await run(null, [], "")).deployment["manifest"]).toEqual({ time: TIME, version: "", magic: "" });
});

it("changes no byte of a resource that stays, and only the member it marks", async () => {
  const odd = '{ "urn":"u1", "inputs":{"__proto__":1.0,"2":12345678901234567890,"1":"\\u003c\\ud800"},"type":"t","custom":true }';
  const marked = '{"urn":"u2","n":1e21 ,"type":"t","custom":true}';
  const base = `{"version":3,"deployment":{"resources":[${odd},\n${marked}]}}`;
  const text = await collect(
    replay({
      base: async () => chunked(base, [5]),
      journal: journalOf([[entry(1, 1, { operationID: 1, deleteOld: 1 })]]),
      manifestTime: TIME,
      cliVersion: CLI,
    }).chunks,
  );
  expect(text).toContain(`"resources":[${odd},{"urn":"u2","n":1e21 ,"type":"t","custom":true,"delete":true}]`);
});

it("reads the base once when it is known to be free of aliases, and a small one never twice", async () => {
  for (const [resources, baseIsAliasFree, times] of [
    [1, true, 1],
    [1, false, 1],
    [900, true, 1],
    [900, false, 2],
  ] as const) {
    const base = JSON.stringify(baseOf(Array.from({ length: resources }, (_, i) => res(`r${i}`, { inputs: { a: "x".repeat(10_000) } }))));
    let opened = 0;
    const open = async () => (opened++, chunked(base, [65536]));
    const { summary } = await drain(replay({ base: open, baseIsAliasFree, journal: journalOf([]), manifestTime: TIME, cliVersion: CLI }));
    expect([summary.resources, opened]).toEqual([resources, times]);
  }
});

it("writes chunks of a useful size, and has the summary only at the end", async () => {
  const entries = Array.from({ length: 300 }, (_, i) =>
    entry(i + 1, 1, { operationID: i + 1, state: res(`r${i}`, { inputs: { a: "x".repeat(i === 7 ? 500_000 : 2000) } }) }),
  );
  const { chunks, summary } = replay({ base: null, journal: journalOf([entries]), manifestTime: TIME, cliVersion: CLI });
  const sizes: number[] = [];
  for await (const chunk of chunks) {
    sizes.push(chunk.length);
    expect(summary).toThrow();
  }
  expect(summary().resources).toBe(300);
  expect(sizes.length).toBeLessThan(14);
});

it("takes numbers of any size for operations and entries, and the last entry of a number", async () => {
  const [far, huge] = [2 ** 40, Number.MAX_SAFE_INTEGER];
  const { resources } = await run(null, [
    entry(huge, 1, { operationID: far, deleteNew: huge, state: res("late") }),
    entry(far, 1, { operationID: huge, state: res("lost") }),
    entry(far, 1, { operationID: huge, state: res("early") }),
  ]);
  expect(resources).toEqual([{ ...res("early"), delete: true }, res("late")]);
});

it("reads a journal much larger than its cache", async () => {
  const batches = Array.from({ length: 30 }, (_, i) => [
    entry(1000 - i, 1, { operationID: i + 1, state: res(`r${i}`, { inputs: { a: "x".repeat(500_000) } }) }),
  ]);
  const { text } = await drain(replay({ base: null, journal: journalOf(batches), manifestTime: TIME, cliVersion: CLI }));
  expect(names((JSON.parse(text) as Obj)["deployment"].resources)).toEqual(Array.from({ length: 30 }, (_, i) => `r${29 - i}`));
});

it("reports a broken base as an error", async () => {
  await expect(
    collect(
      replay({
        base: async () => chunked('{"version":3,"deployment":{"resources":['),
        journal: journalOf([]),
        manifestTime: TIME,
        cliVersion: CLI,
      }).chunks,
    ),
  ).rejects.toBeInstanceOf(StateError);
});

/** A client continues when a batch of unchanged resources was lost, because it does not wait for the answer. */
it("puts a resource behind its old provider when the provider's own entry was lost", async () => {
  const provider = res("default", { type: "pulumi:providers:a", urn: urn("default", "pulumi:providers:a"), id: "1" });
  const made = (name: string, more: object = {}) => res(name, { provider: `${provider.urn}::1`, ...more });
  const base = baseOf([res("root"), provider, made("a"), made("b", { dependencies: [urn("a")] }), made("c", { dependencies: [urn("b")] })]);
  const { resources, text } = await run(base, [
    entry(1, 6, { secretsProvider: { type: "service", state: {} } }),
    entry(8, 1, { operationID: 4, state: made("b", { dependencies: [urn("a")], inputs: { new: true } }), removeOld: 3 }),
    entry(9, 1, { operationID: 5, state: made("d", { dependencies: [urn("b")] }) }),
    entry(10, 1, { operationID: 6, state: res("free") }),
  ]);
  expect(names(resources)).toEqual(["free", "root", "default", "a", "b", "d", "c"]);
  expect(await findIntegrityError(chunked(text))).toBeUndefined();
});

describe("a journal with a hole", () => {
  /** More elements than a function call can have as arguments. */
  const MANY = 200_000;
  const many = (name: string) => Array.from({ length: MANY }, () => urn(name));
  const withHole = (resources: object[]) => resources.map((state, i) => entry(i + 2, 1, { operationID: i + 1, state }));

  it.each([
    ["propertyDependencies", { a: many("a") }],
    ["propertyDependencies", Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`p${i}`, Array(200).fill(urn("a"))]))],
    ["dependencies", many("a")],
    ["replaceWith", many("a")],
  ])("is replayed when a resource names 200,000 others in its %s", async (member, value) => {
    const { resources } = await run(null, withHole([res("b", { [member]: value }), res("a")]));
    expect(names(resources)).toEqual(["a", "b"]);
  });

  it("is replayed when 20,000 resources each wait for the next one", async () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => res(`r${i}`, { dependencies: [urn(`r${i + 1}`)] }));
    const { resources } = await run(null, withHole([...chain, res("r20000")]));
    expect(names(resources).slice(0, 2)).toEqual(["r20000", "r19999"]);
    expect(names(resources).at(-1)).toBe("r0");
  });
});

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { component, deploymentOf } from "../support/deployment.ts";
import { type RunningUpdate, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let token: string;
let update: RunningUpdate;
beforeEach(async () => {
  token = (await newWorld()).member;
  await newStack(token);
  update = await startUpdate(token, { journaling: false });
});

const S = "/api/stacks/acme/web/dev";
const encoder = new TextEncoder();
const hex = async (text: string) =>
  Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

/** Spelled as no printer would: numbers, escapes and order must survive. */
const textOf = (...names: string[]) =>
  `{"version":3, "deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"metadata":{},"resources":[${names
    .map(
      (name) =>
        `{"urn":"urn:pulumi:dev::web::a:b:C::${name}","custom":false,"type":"a:b:C","inputs":{"n":1e21,"é":"\\u003c","2":-0,"1":1.0}}`,
    )
    .join(",")}]}}`;

const verbatim = (text: string, sequenceNumber: number) =>
  call("PATCH", `${update.path}/checkpointverbatim`, {
    lease: update.lease,
    body: `{"version":3,"untypedDeployment":${text},"sequenceNumber":${sequenceNumber}}`,
  }).then((response) => response.status);

/** The edit that makes one text of another, in bytes: what they have in common at both ends stays. */
function editsBetween(before: string, after: string) {
  const [a, b] = [encoder.encode(before), encoder.encode(after)];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  // Not in the middle of a character.
  while (start > 0 && ((b[start] ?? 0) & 0xc0) === 0x80) start--;
  let same = 0;
  while (same < Math.min(a.length, b.length) - start && a[a.length - 1 - same] === b[b.length - 1 - same]) same++;
  while (same > 0 && (b[b.length - same]! & 0xc0) === 0x80) same--;
  const point = (offset: number) => ({ line: 1, column: 1, offset });
  const NewText = new TextDecoder().decode(b.subarray(start, b.length - same));
  return [{ Span: { uri: "", start: point(start), end: point(a.length - same) }, NewText }];
}

const deltaOf = async (before: string, after: string, sequenceNumber: number) => ({
  version: 3,
  checkpointHash: await hex(after),
  sequenceNumber,
  deploymentDelta: editsBetween(before, after),
});
const send = (json: object) => call("PATCH", `${update.path}/checkpointdelta`, { lease: update.lease, json }).then(({ status }) => status);
const delta = async (before: string, after: string, sequenceNumber: number) => send(await deltaOf(before, after, sequenceNumber));
const complete = () => ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
const exported = async () => (await call("GET", `${S}/export`, { token })).text();

describe("a state that is written whole and then by deltas", () => {
  it("comes out byte for byte", async () => {
    expect(await verbatim(textOf("a"), 1)).toBe(204);
    expect(await delta(textOf("a"), textOf("a", "b"), 2)).toBe(204);
    expect(await delta(textOf("a", "b"), textOf("c", "b", "ü"), 3)).toBe(204);
    expect(await delta(textOf("c", "b", "ü"), textOf("c", "b", "ü"), 4)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("c", "b", "ü"));
    expect(await ok("GET", S, { token })).toMatchObject({ version: 1 });
    const { updates } = await ok<{ updates: object[] }>("GET", `${S}/updates`, { token });
    expect(updates).toMatchObject([{ resourceCount: 3 }]);
  });

  it("may come gzipped, and be larger than a row of storage", async () => {
    const long = (text: string) => textOf("x").replace('"metadata":{}', `"metadata":{"long":"${text.repeat(700_000)}"}`);
    const before = long("ab€");
    const after = `${before.slice(0, 1_000_000)}!!${before.slice(1_900_000)}`;
    const headers = { "Content-Encoding": "gzip" };
    const path = update.path;
    const body = `{"version":3,"untypedDeployment":${before},"sequenceNumber":1}`;
    await ok("PATCH", `${path}/checkpointverbatim`, { lease: update.lease, body: await gzip(body), headers });
    const edit = await gzip(JSON.stringify(await deltaOf(before, after, 2)));
    await ok("PATCH", `${path}/checkpointdelta`, { lease: update.lease, body: edit, headers });
    await complete();
    expect((await exported()) === after).toBe(true);
  });

  it("survives that its object is evicted in between", async () => {
    await verbatim(textOf("a"), 1);
    await delta(textOf("a"), textOf("a", "b"), 2);
    const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
    await evictDurableObject(env.STACKS.get(env.STACKS.idFromName(`${orgId}/web/dev`)));
    expect(await delta(textOf("a", "b"), textOf("b"), 3)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("b"));
  });

  it("is kept when the update is cancelled", async () => {
    await verbatim(textOf("a"), 1);
    await delta(textOf("a"), textOf("a", "b"), 2);
    await ok("POST", `${update.path}/cancel`, { token });
    expect(await exported()).toBe(textOf("a", "b"));
  });

  it("is written anew as one text when there are too many pieces", async () => {
    // Each edit cuts the text in two more pieces: digits of a long array.
    const values = Array.from({ length: 3000 }, () => 1);
    const text = () => textOf("a").replace('"metadata":{}', `"metadata":{"list":[${values.join(",")}]}`);
    await verbatim(text(), 1);
    const point = (offset: number) => ({ line: 1, column: 1, offset });
    for (let write = 2; write < 5; write++) {
      const offset = text().indexOf('"list":[') + 8;
      const deploymentDelta = [];
      for (let i = write - 2; i < 3000; i += 3) {
        values[i] = write;
        deploymentDelta.push({ Span: { uri: "", start: point(offset + 2 * i), end: point(offset + 2 * i + 1) }, NewText: `${write}` });
      }
      expect(await send({ version: 3, checkpointHash: await hex(text()), sequenceNumber: write, deploymentDelta })).toBe(204);
    }
    await complete();
    expect(await exported()).toBe(text());
  });
});

describe("sequence numbers", () => {
  beforeEach(async () => {
    await verbatim(textOf("a"), 1);
    await delta(textOf("a"), textOf("b"), 2);
  });

  it("make repetitions harmless", async () => {
    expect(await delta(textOf("a"), textOf("b"), 2)).toBe(204);
    expect(await verbatim(textOf("late"), 1)).toBe(204);
    expect(await delta(textOf("b"), textOf("c"), 3)).toBe(204);
    expect(await delta(textOf("a"), textOf("b"), 2)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("c"));
  });

  it("are one for a delta and the whole text that is sent in its place", async () => {
    expect(await delta(textOf("b"), textOf("c"), 2)).toBe(400);
    expect(await verbatim(textOf("c"), 2)).toBe(204);
    expect(await delta(textOf("c"), textOf("d"), 3)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("d"));
  });

  it("leave no gap before a delta; a whole text may skip some", async () => {
    expect(await delta(textOf("b"), textOf("c"), 4)).toBe(400);
    expect(await verbatim(textOf("e"), 7)).toBe(204);
    expect(await delta(textOf("e"), textOf("f"), 8)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("f"));
  });

  it("decide between attempts that are under way at once", async () => {
    const statuses = await Promise.all([
      ...Array.from({ length: 4 }, () => delta(textOf("b"), textOf("c"), 3)),
      ...Array.from({ length: 4 }, () => verbatim(textOf("c"), 3)),
    ]);
    expect(new Set(statuses)).toEqual(new Set([204]));
    expect(await delta(textOf("c"), textOf("d"), 4)).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("d"));
  });
});

describe("what is refused, and changes nothing:", () => {
  const good = async () => deltaOf(textOf("a"), textOf("b"), 2);
  const span = (start: unknown, end: unknown, NewText: unknown = "") => [
    { Span: { uri: "", start: { offset: start }, end: { offset: end } }, NewText },
  ];

  it("a delta before any text", async () => {
    expect(await send(await good())).toBe(400);
  });

  it.each([
    ["another hash", { checkpointHash: "0".repeat(64) }],
    ["no hash", { checkpointHash: null }],
    ["a number that is none", { sequenceNumber: "2" }],
    ["a line-based edit of an old client", { deploymentDelta: span(-1, -1) }],
    ["an edit beyond the end", { deploymentDelta: span(0, 1e9) }],
    ["an edit that ends before it begins", { deploymentDelta: span(5, 4) }],
    ["an offset that is none", { deploymentDelta: span("0", "1") }],
    ["edits that are no list", { deploymentDelta: {} }],
    ["edits that are none", { deploymentDelta: [null] }],
  ])("%s", async (_name, change) => {
    await verbatim(textOf("a"), 1);
    expect(await send({ ...(await good()), ...change })).toBe(400);
    expect(await send(await good())).toBe(204);
    await complete();
    expect(await exported()).toBe(textOf("b"));
  });

  it.each(["[]", "{", '{"version":9,"deployment":{}}', '{"version":3}', '{"version":3,"deployment":{"resources":[{"urn":nonsense}]}}'])(
    "a whole text that is no state: %s",
    async (text) => {
      await verbatim(textOf("kept"), 1);
      expect(await verbatim(text, 2)).toBe(400);
      await complete();
      expect(await exported()).toBe(textOf("kept"));
    },
  );

  it("one beside full checkpoints, and under a journal", async () => {
    const checkpoint = { isInvalid: false, ...deploymentOf([component("a")]) };
    expect((await call("PATCH", `${update.path}/checkpoint`, { lease: update.lease, json: checkpoint })).status).toBe(204);
    expect(await verbatim(textOf("a"), 1)).toBe(400);
    await complete();
    update = await startUpdate(token);
    expect(await verbatim(textOf("a"), 1)).toBe(400);
    expect(await send(await good())).toBe(400);
  });

  it("any from a preview", async () => {
    await complete();
    update = await startUpdate(token, { dryRun: true });
    expect(await verbatim(textOf("a"), 1)).toBe(403);
    expect(await send(await good())).toBe(403);
  });

  it("a delta whose result is no state, when the update is to end; it can still be cancelled", async () => {
    await verbatim(textOf("a"), 1);
    const broken = textOf("a").replace('"custom"', "custom");
    expect(await delta(textOf("a"), broken, 2)).toBe(204);
    await refused(400, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await ok("POST", `${update.path}/cancel`, { token });
    expect(JSON.parse(await exported())).toMatchObject({ version: 3 });
    expect(await (await env.STATE.get(`journals/${update.id}/text.json`))?.text()).toBe(broken);
  });
});

it("is announced where the setting says so, with its cutoff", async () => {
  const vars = env as unknown as { DELTA_CHECKPOINTS: string };
  const capabilities = async () => JSON.stringify(await ok("GET", "/api/capabilities"));
  expect(await capabilities()).not.toContain("delta");
  try {
    vars.DELTA_CHECKPOINTS = "1048576";
    expect(await capabilities()).toContain(
      '{"capability":"delta-checkpoint-uploads-v2","version":2,"configuration":{"checkpointCutoffSizeBytes":1048576}}',
    );
  } finally {
    vars.DELTA_CHECKPOINTS = "";
  }
});

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { laterBy } from "../support/clock.ts";
import { call, ok, refused } from "../support/client.ts";
import { allPages } from "../support/pages.ts";
import { objectKeys } from "../support/stored.ts";
import { type RunningUpdate, type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
});

interface Event {
  sequence: number;
  type: string;
  [payload: string]: unknown;
}
interface Page {
  events: Event[];
  continuationToken: string | null;
}

/** Text that gzip cannot make small. */
const noise = (bytes: number) => {
  let text = "";
  while (text.length < bytes) text += btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(3000))));
  return text;
};
const urnOf = (name: string) => `urn:pulumi:dev::web::my:index:Thing$my:index/part:Part::${name}`;
const stdout = (sequence: number, message = `line ${sequence}`) => ({ sequence, timestamp: 1, stdoutEvent: { message, color: "raw" } });
const output = (sequence: number, name: string) => ({
  sequence,
  timestamp: 1,
  resOutputsEvent: { metadata: { op: "create", urn: urnOf(name) } },
});
const diagnostic = (sequence: number, name: string) => ({
  sequence,
  timestamp: 1,
  diagnosticEvent: { urn: urnOf(name), message: "oh", severity: "info" },
});
const summary = (sequence: number) => ({ sequence, timestamp: 1, summaryEvent: { resourceChanges: { create: 3 }, isPreview: false } });

const post = async (update: RunningUpdate, body: Uint8Array | string) =>
  ok("POST", `${update.path}/events/batch`, {
    lease: update.lease,
    body: typeof body === "string" ? await gzip(body) : body,
    headers: { "Content-Encoding": "gzip" },
  });
const send = (update: RunningUpdate, ...events: unknown[]) => post(update, JSON.stringify({ events }));
const complete = (update: RunningUpdate) => ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
const read = (update: RunningUpdate, query = "") => ok<Page>("GET", `${update.path}/events${query}`, { token: world.member });
const sequences = (page: Page) => page.events.map((event) => event.sequence);

/** The stack's object forgets the ended runs, so from then on the events are read from R2. */
async function forget(): Promise<void> {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  laterBy(16 * 60_000);
  expect(await runDurableObjectAlarm(STACKS.get(STACKS.idFromName(`${orgId}/web/dev`)))).toBe(true);
}

describe("engine events on their way in", () => {
  it("that come in a large batch give the history its figures all the same", async () => {
    const update = await startUpdate(world.member);
    await send(update, stdout(0, noise(200_000)), summary(1));
    await complete(update);
    const { updates } = await ok<{ updates: unknown[] }>("GET", "/api/stacks/acme/web/dev/updates", { token: world.member });
    expect(updates).toMatchObject([{ resourceChanges: { create: 3 } }]);
  });

  it("give the history their figures, also if a later event has a member of that name", async () => {
    const update = await startUpdate(world.member);
    const other = { ...stdout(2), stdoutEvent: { message: "", color: "raw", summaryEvent: { resourceChanges: 1 } } };
    await send(update, stdout(0, noise(200_000)), summary(1), other);
    await complete(update);
    const { updates } = await ok<{ updates: unknown[] }>("GET", "/api/stacks/acme/web/dev/updates", { token: world.member });
    expect(updates).toMatchObject([{ resourceChanges: { create: 3 } }]);
  });

  it("come one by one from old clients, whose log is accepted too", async () => {
    const update = await startUpdate(world.member);
    await ok("POST", `${update.path}/events`, { lease: update.lease, json: stdout(0) });
    await ok("POST", `${update.path}/log`, { lease: update.lease, json: { kind: "stdout", fields: { text: "hello" } } });
    expect((await read(update)).events).toEqual([{ ...stdout(0), type: "stdoutEvent" }]);
    expect(await refused(400, "POST", `${update.path}/events`, { lease: update.lease, body: '{"sequence":1},{"sequence":2}' })).toContain(
      "one event",
    );
    await refused(400, "POST", `${update.path}/events`, { lease: update.lease, body: "" });
    await complete(update);
    await refused(409, "POST", `${update.path}/log`, { lease: update.lease, json: { kind: "stdout", fields: {} } });
  });
});

describe("engine events read back", () => {
  it("are ascending and each there once, however they came: while the update runs, after its end, and out of R2", async () => {
    const update = await startUpdate(world.member);
    await send(update, output(2, "b"), summary(3));
    await send(update, stdout(0), output(1, "a"));
    await send(update, stdout(0), output(1, "a"));
    const events = [
      { ...stdout(0), type: "stdoutEvent" },
      { ...output(1, "a"), type: "resOutputsEvent" },
      { ...output(2, "b"), type: "resOutputsEvent" },
      { ...summary(3), type: "summaryEvent" },
    ];
    const running = await read(update);
    expect(running.events).toEqual(events);
    expect(running.continuationToken).toMatch(/^[A-Za-z0-9_-]+$/);
    await complete(update);
    expect(await read(update)).toEqual({ events, continuationToken: null });
    await forget();
    expect(await objectKeys()).toEqual(expect.arrayContaining([`events/${update.id}.jsonl`, `events/${update.id}.index.json`]));
    expect(await read(update)).toEqual({ events, continuationToken: null });
  });

  it("wait, while the update runs, for those that are still to come before them, unless the reader does not", async () => {
    const update = await startUpdate(world.member);
    await send(update, stdout(0));
    await send(update, stdout(2), stdout(3));
    const first = await read(update);
    expect(sequences(first)).toEqual([0]);
    expect(sequences(await read(update, "?include_non_activated=true"))).toEqual([0, 2, 3]);
    const nothingYet = await read(update, `?continuationToken=${first.continuationToken}`);
    expect(nothingYet).toEqual({ events: [], continuationToken: first.continuationToken });
    await send(update, stdout(1));
    expect(sequences(await read(update, `?continuationToken=${first.continuationToken}`))).toEqual([1, 2, 3]);
  });

  it("name a next page as long as the update runs, also before the first event and to a reader that has them all", async () => {
    const update = await startUpdate(world.member);
    const followed: number[] = [];
    let token: string | null = null;
    const follow = async (query = "") => {
      const page = await read(update, `?${token ? `continuationToken=${token}` : ""}${query}`);
      followed.push(...sequences(page));
      token = page.continuationToken;
    };
    await follow();
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    const soon = follow();
    await send(update, stdout(0), stdout(1));
    await soon;
    await follow();
    expect(token).not.toBeNull();
    // A page without matching events is not the last page either.
    expect((await read(update, "?type=summaryEvent")).continuationToken).not.toBeNull();
    await send(update, summary(2));
    await complete(update);
    await follow();
    expect([followed, token]).toEqual([[0, 1, 2], null]);
    await forget();
    await follow();
    expect([followed, token]).toEqual([[0, 1, 2, 0, 1, 2], null]);
  });

  it("of an update that has not started have no next page", async () => {
    const { updateID } = await ok<{ updateID: string }>("POST", "/api/stacks/acme/web/dev/update", { token: world.member, json: {} });
    const page = await ok("GET", `/api/stacks/acme/web/dev/update/${updateID}/events`, { token: world.member });
    expect(page).toEqual({ events: [], continuationToken: null });
  });

  it("are taken with an empty 200, as the contract says", async () => {
    const update = await startUpdate(world.member);
    const json = { events: [stdout(0)] };
    for (const [path, body] of [
      ["events/batch", json],
      ["events", stdout(1)],
    ] as const) {
      const answer = await call("POST", `${update.path}/${path}`, { lease: update.lease, json: body });
      expect([answer.status, await answer.text(), answer.headers.get("Content-Type")]).toEqual([200, "", "application/octet-stream"]);
    }
  });

  it("are given although one never came, once the update is over", async () => {
    const update = await startUpdate(world.member);
    await send(update, stdout(0), stdout(2));
    await complete(update);
    expect(sequences(await read(update))).toEqual([0, 2]);
  });

  it("keep their text: large numbers, escapes and unknown members, on one line each", async () => {
    const update = await startUpdate(world.member);
    await post(
      update,
      '{"events":[{"sequence":0,\n "timestamp":1,\r\n "newEvent":{"n":12345678901234567890,"s":"a\\nb<\\u003e"},"__proto__":{"x":1}}]}',
    );
    await complete(update);
    const line =
      '{"sequence":0,  "timestamp":1,   "newEvent":{"n":12345678901234567890,"s":"a\\nb<\\u003e"},"__proto__":{"x":1},"type":"newEvent"}';
    expect((await read(update)).events).toEqual([JSON.parse(line)]);
    await forget();
    expect(await (await env.STATE.get(`events/${update.id}.jsonl`))?.text()).toBe(`${line}\n`);
  });

  it("leave out what cannot be read, and what has no number", async () => {
    const update = await startUpdate(world.member);
    await post(update, `{"events":[${noise(200_000)}`);
    await send(update, { timestamp: 1 }, { sequence: "1" }, { sequence: -1 }, 7, null, stdout(0));
    await complete(update);
    expect(sequences(await read(update))).toEqual([0]);
    await forget();
    expect(sequences(await read(update))).toEqual([0]);
  });

  it("come in pages that are never empty when they name a next one, with and without filters", async () => {
    const update = await startUpdate(world.member);
    const names = Array.from({ length: 450 }, (_, i) => `thing${i % 3}`);
    for (let from = 0; from < 450; from += 50)
      await send(update, ...names.slice(from, from + 50).map((name, i) => (from + i === 7 ? diagnostic(7, name) : output(from + i, name))));
    await send(update, summary(450));
    await complete(update);
    const check = async () => {
      const path = `${update.path}/events`;
      const all = await allPages<Event>(path, "events", world.member);
      expect(all.items.map((event) => event.sequence)).toEqual(Array.from({ length: 451 }, (_, i) => i));
      expect(all.pages).toBe(3);
      const one = await allPages<Event>(`${path}?urn=${encodeURIComponent(urnOf("thing1"))}`, "events", world.member);
      expect(one.items.map((event) => event.sequence)).toEqual(Array.from({ length: 150 }, (_, i) => 3 * i + 1));
      expect(one.pages).toBe(1);
      const some = await allPages<Event>(`${path}?type=3&type=summaryEvent`, "events", world.member);
      expect(some.items.map((event) => event.sequence)).toEqual([7, 450]);
      const none = await allPages<Event>(`${path}?type=9`, "events", world.member);
      expect(none).toEqual({ items: [], pages: 1 });
    };
    await check();
    await forget();
    await check();
  });

  it("of any number, order and repetition are the same set in order, in both places", async () => {
    const batches = fc.array(fc.array(fc.nat(60), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        const update = await startUpdate(world.member);
        for (const batch of given) await send(update, ...batch.map((sequence) => stdout(sequence)));
        const want = [...new Set(given.flat())].sort((a, b) => a - b);
        const prefix = want.filter((sequence, i) => sequence === i);
        expect(sequences(await read(update))).toEqual(prefix);
        await complete(update);
        expect(sequences(await read(update))).toEqual(want);
        const after = `?continuationToken=${btoa(`[${want[0]}]`).replaceAll("=", "")}`;
        expect(sequences(await read(update, after))).toEqual(want.slice(1));
      }),
      { numRuns: 12 * inject("sizes").runs },
    );
  });

  it("of a log of many megabytes are found without reading what comes before", async () => {
    const update = await startUpdate(world.member);
    const text = noise(400_000);
    for (let from = 0; from < 30; from += 5)
      await send(update, ...Array.from({ length: 5 }, (_, i) => (from + i === 22 ? diagnostic(22, "x") : stdout(from + i, text))));
    await complete(update);
    await forget();
    const log = await env.STATE.head(`events/${update.id}.jsonl`);
    expect(log!.size).toBeGreaterThan(10_000_000);
    expect(sequences(await read(update, "?type=diagnosticEvent"))).toEqual([22]);
    const pages = await allPages<Event>(`${update.path}/events`, "events", world.member);
    expect(pages.items.map((event) => event.sequence)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it("are found under the new name of a stack that is renamed a moment after the update", async () => {
    const update = await startUpdate(world.member);
    await send(update, stdout(0));
    await complete(update);
    await ok("POST", "/api/stacks/acme/web/dev/rename", { token: world.member, json: { newName: "prod", newProject: "" } });
    expect(sequences(await read({ ...update, path: update.path.replace("/dev/", "/prod/") }))).toEqual([0]);
  });

  it("are found under the new name when a preview went on while its stack was renamed: at once those before, at its end all", async () => {
    const preview = await startUpdate(world.member, { kind: "preview", dryRun: true });
    await send(preview, stdout(0));
    await ok("POST", "/api/stacks/acme/web/dev/rename", { token: world.member, json: { newName: "prod", newProject: "" } });
    const renamed = { ...preview, path: preview.path.replace("/dev/", "/prod/") };
    expect(sequences(await read(renamed))).toEqual([0]);
    await send(preview, stdout(1));
    await complete(preview);
    expect(sequences(await read(renamed))).toEqual([0, 1]);
  });

  it("are an empty list for an import and for an update without events; an unknown update is 404", async () => {
    const { updateId } = await ok<{ updateId: string }>("POST", "/api/stacks/acme/web/dev/import", {
      token: world.member,
      json: { version: 3, deployment: {} },
    });
    const none = { events: [], continuationToken: null };
    expect(await ok("GET", `/api/stacks/acme/web/dev/update/${updateId}/events`, { token: world.member })).toEqual(none);
    const update = await startUpdate(world.member, { kind: "preview", dryRun: true });
    await complete(update);
    await forget();
    expect(await ok("GET", update.path.replace("/update/", "/preview/") + "/events", { token: world.member })).toEqual(none);
    await refused(404, "GET", "/api/stacks/acme/web/dev/update/nobody/events", { token: world.member });
    await newStack(world.member, "web", "other");
    await refused(404, "GET", `/api/stacks/acme/web/other/update/${update.id}/events`, { token: world.member });
  });

  it("are not listed for unknown types or for cursors of other lists", async () => {
    const update = await startUpdate(world.member);
    const at = (query: string) => refused(400, "GET", `${update.path}/events?${query}`, { token: world.member });
    for (const token of ["x", btoa("{}"), btoa("[-2]"), btoa("[1.5]"), btoa('["1"]'), "%00"])
      expect(await at(`continuationToken=${token}`)).toBe("Invalid continuation token.");
    for (const type of ["0", "18", "99999999999", "event", ""]) expect(await at(`type=${type}`)).toContain("not a type");
  });
});

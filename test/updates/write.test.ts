import { beforeEach, describe, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { type Exported, begins, component, creates, deploymentOf, secretsManager, succeeds } from "../support/deployment.ts";
import { type RunningUpdate, type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const send = (update: RunningUpdate, verb: string, json: unknown) => call("PATCH", `${update.path}/${verb}`, { lease: update.lease, json });
const journal = async (update: RunningUpdate, entries: unknown[]) => (await send(update, "journalentries", { entries })).status;
const checkpoint = async (update: RunningUpdate, names: string[]) =>
  (await send(update, "checkpoint", { isInvalid: false, ...deploymentOf(names.map((name) => component(name))) })).status;
const complete = (update: RunningUpdate) => ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
const names = async () =>
  ((await ok<Exported>("GET", `${STACK_PATH}/export`, { token })).deployment.resources ?? []).map((resource) =>
    resource.urn.split("::").at(-1),
  );
const encoded = (lease: string, body: BodyInit, encoding = "gzip") => ({ lease, body, headers: { "Content-Encoding": encoding } });

describe("journal entries", () => {
  it("count once, however often and in whatever order their batches arrive", async () => {
    const update = await startUpdate(token);
    const entries = creates(component("a"), component("b"), component("c"));
    const batches = [entries.slice(4), entries.slice(0, 2), entries.slice(2, 4)];
    for (const batch of [...batches, ...batches.toReversed()]) expect(await journal(update, batch)).toBe(204);
    await complete(update);
    expect(await names()).toEqual(["a", "b", "c"]);
  });

  it("may be gzipped, and may be an empty list", async () => {
    const update = await startUpdate(token);
    const body = await gzip(JSON.stringify({ entries: creates(component("a")) }));
    await ok("PATCH", `${update.path}/journalentries`, encoded(update.lease, body));
    for (const none of [{ entries: [] }, { entries: null }, {}]) expect((await send(update, "journalentries", none)).status).toBe(204);
    await complete(update);
    expect(await names()).toEqual(["a"]);
  });

  it("leave a pending operation in the state when its end never came", async () => {
    const update = await startUpdate(token);
    await journal(update, [...creates(component("a")), begins(9, 9, component("b"))]);
    await complete(update);
    const { deployment } = await ok<Exported>("GET", `${STACK_PATH}/export`, { token });
    expect(deployment.pending_operations).toEqual([{ resource: component("b"), type: "creating" }]);
  });

  it("are refused where journaling was not granted", async () => {
    const update = await startUpdate(token, { journaling: false });
    expect(await journal(update, creates(component("a")))).toBe(400);
    await complete(update);
    expect(await names()).toEqual([]);
  });

  it.each([
    [{ entries: {} }],
    [[]],
    [null],
    [{ entries: [null] }],
    [{ entries: [{}] }],
    [{ entries: [{ ...secretsManager, kind: 10 }] }],
    [{ entries: [{ ...secretsManager, kind: "6" }] }],
    [{ entries: [{ ...secretsManager, version: 2 }] }],
    [{ entries: [{ ...secretsManager, sequenceID: 0 }] }],
    [{ entries: [{ ...secretsManager, sequenceID: 1.5 }] }],
  ])("%j is 400, and the update goes on", async (json) => {
    const update = await startUpdate(token);
    expect((await send(update, "journalentries", json)).status).toBe(400);
    expect(await journal(update, creates(component("a")))).toBe(204);
    await complete(update);
    expect(await names()).toEqual(["a"]);
  });

  it("that contradict the state are 400 at the end, and the update can still be ended", async () => {
    const update = await startUpdate(token);
    const alias = { aliases: ["urn:pulumi:dev::web::my:index:Thing::before"] };
    const twice = [succeeds(2, 1, { ...component("a"), ...alias }), succeeds(3, 2, { ...component("b"), ...alias })];
    await journal(update, [secretsManager, ...twice]);
    await refused(400, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await ok("POST", `${update.path}/cancel`, { token });
    await startUpdate(token);
  });
});

describe("full checkpoints", () => {
  it("replace each other, and the last one is the state", async () => {
    const update = await startUpdate(token, { journaling: false });
    for (const state of [["a"], ["a", "b"], ["b"]]) expect(await checkpoint(update, state)).toBe(204);
    await complete(update);
    expect(await names()).toEqual(["b"]);
  });

  it("may come gzipped", async () => {
    const update = await startUpdate(token, { journaling: false });
    const body = await gzip(JSON.stringify({ isInvalid: false, ...deploymentOf([component("a")]) }));
    await ok("PATCH", `${update.path}/checkpoint`, encoded(update.lease, body));
    await complete(update);
    expect(await names()).toEqual(["a"]);
  });

  it("are refused where the update journals", async () => {
    const update = await startUpdate(token);
    expect(await checkpoint(update, ["a"])).toBe(400);
  });

  it.each([
    [{ isInvalid: true, ...deploymentOf([]) }],
    [{ isInvalid: false, version: 3 }],
    [{ isInvalid: false, version: 9, deployment: {} }],
    [{ isInvalid: false, version: 3, deployment: [] }],
    [{}],
    [[]],
    [null],
  ])("%j is 400, and the one before stays", async (json) => {
    const update = await startUpdate(token, { journaling: false });
    await checkpoint(update, ["kept"]);
    expect((await send(update, "checkpoint", json)).status).toBe(400);
    await complete(update);
    expect(await names()).toEqual(["kept"]);
  });

  it("that break off do not count: cut text, cut gzip, nothing", async () => {
    const update = await startUpdate(token, { journaling: false });
    await checkpoint(update, ["kept"]);
    const text = JSON.stringify({ isInvalid: false, ...deploymentOf([component("cut")]) });
    const zipped = await gzip(text);
    const path = `${update.path}/checkpoint`;
    await refused(400, "PATCH", path, { lease: update.lease, body: text.slice(0, -5) });
    await refused(400, "PATCH", path, encoded(update.lease, zipped.slice(0, -12)));
    await refused(400, "PATCH", path, encoded(update.lease, "not gzip"));
    await refused(400, "PATCH", path, { lease: update.lease });
    await refused(400, "PATCH", path, encoded(update.lease, text, "br"));
    await complete(update);
    expect(await names()).toEqual(["kept"]);
  });

  it("larger than a row of storage come out as they went in", async () => {
    const update = await startUpdate(token, { journaling: false });
    const state = deploymentOf(Array.from({ length: 40 }, (_, i) => component(`r${i}`, { text: `${i}`.repeat(100_000) })));
    expect((await send(update, "checkpoint", { isInvalid: false, ...state })).status).toBe(204);
    await complete(update);
    expect(await ok("GET", `${STACK_PATH}/export`, { token })).toEqual(state);
  });
});

describe("a preview", () => {
  it("writes no state, in no mode", async () => {
    for (const journaling of [true, false]) {
      const preview = await startUpdate(token, { dryRun: true, journaling });
      for (const [verb, json] of [
        ["journalentries", { entries: creates(component("a")) }],
        ["checkpoint", { isInvalid: false, ...deploymentOf([component("a")]) }],
      ] as const)
        expect(await refused(403, "PATCH", `${preview.path}/${verb}`, { lease: preview.lease, json })).toBe(
          "Updating the checkpoint is not permitted for preview operations.",
        );
      await complete(preview);
    }
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 0 });
    expect(await names()).toEqual([]);
  });
});

describe("what is on its way when the update is cancelled from outside", () => {
  /** A body that stops in the middle until the test lets it continue. */
  function slowly(text: string): { body: ReadableStream; finish: () => void } {
    let finish = () => {};
    const halted = new Promise<void>((resolve) => (finish = resolve));
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.slice(0, 20));
        await halted;
        controller.enqueue(bytes.slice(20));
        controller.close();
      },
    });
    return { body, finish };
  }

  it("is never acknowledged and then lost: a journal entry is in the state, or its sender gets an error", async () => {
    const update = await startUpdate(token);
    const { body, finish } = slowly(JSON.stringify({ entries: creates(component("late")) }));
    const sent = call("PATCH", `${update.path}/journalentries`, { lease: update.lease, body });
    await scheduler.wait(30);
    const cancelled = ok("POST", `${update.path}/cancel`, { token });
    await scheduler.wait(30);
    finish();
    await cancelled;
    const { status } = await sent;
    expect(status === 204 ? ["late"] : []).toEqual(await names());
    expect([204, 409]).toContain(status);
  });

  it("does not take the place of the checkpoint that was acknowledged before", async () => {
    const update = await startUpdate(token, { journaling: false });
    await checkpoint(update, ["kept"]);
    const { body, finish } = slowly(JSON.stringify({ isInvalid: false, ...deploymentOf([component("late")]) }));
    const sent = call("PATCH", `${update.path}/checkpoint`, { lease: update.lease, body });
    await scheduler.wait(30);
    const cancelled = ok("POST", `${update.path}/cancel`, { token });
    await scheduler.wait(30);
    finish();
    await cancelled;
    const { status } = await sent;
    expect(status === 204 ? ["late"] : ["kept"]).toEqual(await names());
  });
});

describe("engine events", () => {
  const events = (update: RunningUpdate, json: unknown) => call("POST", `${update.path}/events/batch`, { lease: update.lease, json });

  it("give the history its figures, whichever batch has the summary", async () => {
    const update = await startUpdate(token);
    const summary = {
      sequence: 1,
      timestamp: 1,
      summaryEvent: { maybeCorrupt: false, durationSeconds: 1, resourceChanges: { create: 2, same: 1 }, PolicyPacks: {} },
    };
    expect((await events(update, { events: [summary] })).status).toBe(200);
    expect((await events(update, { events: [{ sequence: 0, timestamp: 1, preludeEvent: { config: {} } }] })).status).toBe(200);
    await complete(update);
    const { updates } = await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token });
    expect(updates).toMatchObject([{ resourceChanges: { create: 2, same: 1 } }]);
  });

  it("of a preview are taken as well", async () => {
    const preview = await startUpdate(token, { dryRun: true });
    const body = await gzip(JSON.stringify({ events: [{ sequence: 0, timestamp: 1 }] }));
    await ok("POST", `${preview.path}/events/batch`, encoded(preview.lease, body));
  });

  it.each([[{ events: [] }], [{}], [[]], [null], ["x"], [{ events: {} }]])("%j is 400", async (json) => {
    const update = await startUpdate(token);
    expect((await events(update, json)).status).toBe(400);
  });

  it.each([
    [{ events: [null, 1, "x", { summaryEvent: null }, { summaryEvent: { resourceChanges: 7 } }] }],
    [{ events: [{ summaryEvent: { resourceChanges: { create: "many" } } }] }],
  ])("however odd do not spoil the update: %j", async (json) => {
    const update = await startUpdate(token);
    expect([200, 400]).toContain((await events(update, json)).status);
    await complete(update);
    await ok("GET", `${STACK_PATH}/updates`, { token });
  });
});

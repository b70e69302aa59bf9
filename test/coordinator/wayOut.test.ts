import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { StateError } from "../../src/state/errors.ts";
import { BodyStore } from "../../src/coordinator/storage/bodyStore.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { expectSound } from "../support/dangling.ts";
import { component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import { breakDatabase, breakObjectReads, breakObjectWrites, holdStateWrites, loseDatabaseAnswers } from "../support/faults.ts";
import { type RunningUpdate, type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";
import {
  STACK_PATH,
  alarmAfter,
  breakReplay,
  complete,
  coordinator,
  entries,
  journal,
  keptParts,
  latest,
  namesInState,
} from "../updates/support/ends.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
  await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
});

const cancel = (update: RunningUpdate) => call("POST", `${update.path}/cancel`, { token: world.admin });
const remove = () => call("DELETE", `${STACK_PATH}?force=true`, { token: world.admin });

async function running(): Promise<RunningUpdate> {
  const update = await startUpdate(token);
  await journal(update);
  return update;
}

/** An update whose end has been tried once and has failed. */
async function finishing(): Promise<RunningUpdate> {
  const update = await running();
  expect((await complete(update)).status).toBe(503);
  return update;
}

/** Expects that the state is the one from before the update, that the update's writes are kept, and that the stack is free. */
async function expectKept(update: RunningUpdate, why: string, files = ["1.json"]): Promise<void> {
  expect(await latest(token)).toMatchObject({ updateID: update.id, info: { result: "failed", journalKept: why } });
  expect(await namesInState(token)).toEqual(["web-dev"]);
  expect(await keptParts(update.id)).toEqual(files);
  expect(
    await env.DB.prepare("SELECT value FROM measures WHERE name = 'journals_kept' AND label = ?").bind(why).first<number>("value"),
  ).toBe(1);
  await expectFree();
}

async function expectFree(): Promise<void> {
  await expectSound();
  const next = await startUpdate(token);
  await journal(next, creates(component("next")));
  expect((await complete(next)).status).toBe(204);
  expect(await namesInState(token)).toContain("next");
  await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) });
  await ok("POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } });
  await ok("DELETE", "/api/stacks/acme/web/prod", { token });
}

describe("an update whose end fails again and again", () => {
  it("ends with the state before it after five attempts, and what it wrote is kept", async () => {
    const repair = breakReplay();
    const update = await finishing();
    const events = await eventsOf(async () => {
      for (let i = 0; i < 3; i++) await alarmAfter(10_001);
      expect(await ok("GET", update.path, { token })).toMatchObject({ status: "running" });
      await alarmAfter(10_001);
    });
    expect(events).toMatchObject([
      {
        event: "stack-update-completed",
        userLogin: "mel",
        description: `Failed an update of stack "acme/web/dev" (${update.id}). Its journal could not be replayed. The stack has the state from before the update, and the journal is kept for the operator.`,
      },
    ]);
    repair();
    await expectKept(update, "unreadable");
  });

  it("tells its client at the fifth attempt, and at each one after it", async () => {
    const repair = breakReplay();
    const update = await running();
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await complete(update)).status);
    expect(statuses).toEqual([503, 503, 503, 503, 409, 409]);
    expect(await refused(409, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } })).toContain(
      "is kept for the operator",
    );
    repair();
    await expectKept(update, "unreadable");
  });

  it.each([
    ["an error", () => new Error("a bug")],
    ["a type error", () => new TypeError("x is not a function")],
    ["a syntax error", () => new SyntaxError("Unexpected token")],
    ["a state error", () => new StateError("contradiction")],
  ])("ends whatever the failure is: %s", async (_, error) => {
    const repair = breakReplay(error);
    const update = await running();
    laterBy(331_000);
    for (let i = 0; i < 5; i++) await alarmAfter(10_001);
    repair();
    await expectKept(update, "unreadable");
  });

  it("ends although each attempt ends the object itself", async () => {
    const update = await running();
    laterBy(331_000);
    const states = holdStateWrites();
    for (let attempts = 0; attempts < 5; attempts++) {
      laterBy(61_000);
      const stub = await coordinator();
      void runInDurableObject(stub, (instance) => instance.alarm()).catch(() => undefined);
      await eventually(async () => expect(states.held).toBe(attempts + 1));
      await runInDurableObject(stub, (_, state) => state.abort("out of memory")).catch(() => undefined);
      expect(await ok("GET", update.path, { token })).toMatchObject({ status: "running" });
    }
    states.repair();
    await alarmAfter(61_000);
    await expectKept(update, "unreadable");
  });

  it("does not wait longer because others work on the stack", async () => {
    const repair = breakReplay();
    const update = await finishing();
    for (let i = 0; i < 5; i++) {
      laterBy(9000);
      expect((await complete(await startUpdate(token, { dryRun: true }))).status).toBe(204);
      await alarmAfter(2000);
    }
    repair();
    await expectKept(update, "unreadable");
  });

  it("ends when the state store has not answered for six hours", async () => {
    const repair = breakObjectWrites();
    const update = await finishing();
    for (let hours = 0; hours < 5; hours++) await alarmAfter(3600_000);
    expect(await ok("GET", update.path, { token })).toMatchObject({ status: "running" });
    await alarmAfter(3600_001);
    await alarmAfter(0);
    expect(await ok("GET", update.path, { token })).toMatchObject({ status: "failed" });
    repair();
    await alarmAfter(3600_000);
    await expectKept(update, "storage");
  });

  it("is tried for as long as it takes when the database does not answer, and loses nothing", async () => {
    const update = await running();
    const repair = breakDatabase();
    expect((await complete(update)).status).toBe(503);
    for (let i = 0; i < 5; i++) await alarmAfter(300_001);
    for (let hours = 0; hours < 10; hours++) await alarmAfter(3600_000);
    repair();
    await alarmAfter(300_001);
    expect((await latest(token)).info).toMatchObject({ result: "succeeded" });
    expect(await namesInState(token)).toEqual(["made", "web-dev", "half"]);
    expect((await complete(update)).status).toBe(204);
    await expectFree();
  });

  it("does not stop what runs beside it: a preview that cannot end stops no update", async () => {
    const preview = await startUpdate(token, { dryRun: true });
    laterBy(331_000);
    const read = vi.spyOn(BodyStore.prototype, "batches").mockImplementation(() => {
      throw new Error("a bug");
    });
    const update = await startUpdate(token);
    read.mockRestore();
    await journal(update);
    expect((await complete(update)).status).toBe(204);
    await alarmAfter(10_001);
    expect(await ok("GET", preview.path, { token })).toMatchObject({ status: "failed" });
  });
});

describe("canceling an update", () => {
  it("whose end has failed ends it at once, with the state before it", async () => {
    const repair = breakReplay();
    const update = await finishing();
    const events = await eventsOf(async () => expect((await cancel(update)).status).toBe(204));
    expect(events).toMatchObject([
      {
        event: "stack-update-canceled",
        userLogin: "ada",
        description: `Canceled an update of stack "acme/web/dev" (${update.id}). Its new state could not be stored at that time. The stack has the state from before the update, and the journal is kept for the operator.`,
      },
    ]);
    expect(await ok("GET", update.path, { token })).toMatchObject({ status: "cancelled" });
    repair();
    await expectKept(update, "canceled");
  });

  it("that runs ends it at once, though its state cannot be made", async () => {
    const repair = breakReplay();
    const update = await running();
    expect((await cancel(update)).status).toBe(204);
    repair();
    await expectKept(update, "unreadable");
  });

  it("whose end waits for the state store ends it at once: what it wrote is kept as soon as the store answers", async () => {
    const repairs = [breakObjectWrites(), breakObjectReads()];
    const update = await finishing();
    expect((await cancel(update)).status).toBe(204);
    expect(await latest(token)).toMatchObject({ info: { journalKept: "canceled" } });
    await startUpdate(token).then(complete);
    for (let i = 0; i < 3; i++) await alarmAfter(30 * 60_000);
    repairs.forEach((repair) => repair());
    expect(await keptParts(update.id)).toEqual([]);
    await alarmAfter(6 * 3600_000);
    expect(await keptParts(update.id)).toEqual(["1.json"]);
    await expectFree();
  });

  it("that runs loses nothing to a state store that is away: it is refused, and done when the store answers", async () => {
    const repair = breakObjectWrites();
    const update = await running();
    expect((await cancel(update)).status).toBe(503);
    expect(await ok("GET", update.path, { token })).toMatchObject({ status: "running" });
    repair();
    expect((await cancel(update)).status).toBe(204);
    expect(await namesInState(token)).toEqual(["made", "web-dev", "half"]);
    expect((await latest(token)).info).not.toHaveProperty("journalKept");
  });

  it("that could not end for a while makes its state, when that is possible again", async () => {
    const repair = breakObjectWrites();
    const update = await finishing();
    repair();
    expect((await cancel(update)).status).toBe(204);
    expect(await namesInState(token)).toEqual(["made", "web-dev", "half"]);
    expect((await latest(token)).info).not.toHaveProperty("journalKept");
  });

  it("whose end was carried out, and whose answer was lost, changes nothing: the state is that of the update", async () => {
    const update = await running();
    const repair = loseDatabaseAnswers();
    expect((await complete(update)).status).toBe(503);
    repair();
    expect((await cancel(update)).status).toBe(204);
    expect((await latest(token)).info).toMatchObject({ result: "succeeded" });
    expect((await latest(token)).info).not.toHaveProperty("journalKept");
    expect(await namesInState(token)).toEqual(["made", "web-dev", "half"]);
    expect(await keptParts(update.id)).toEqual([]);
    await expectFree();
  });

  it("is refused while the database does not answer, and works as soon as it does", async () => {
    const repairReplay = breakReplay();
    const update = await finishing();
    const repair = breakDatabase();
    expect((await cancel(update)).status).toBe(503);
    repair();
    expect((await cancel(update)).status).toBe(204);
    repairReplay();
    await expectKept(update, "canceled");
  });
});

describe("what is kept of an update", () => {
  it("is each batch as it came, compressed ones too, with what a replay needs", async () => {
    const update = await startUpdate(token);
    const body = await gzip(JSON.stringify({ entries: entries.slice(0, 2) }));
    await ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, body, headers: { "Content-Encoding": "gzip" } });
    await journal(update, entries.slice(2));
    const repair = breakReplay();
    expect((await cancel(update)).status).toBe(204);
    repair();
    expect(await keptParts(update.id)).toEqual(["1.json.gz", "2.json"]);
    expect(new Uint8Array(await (await env.STATE.get(`journals/${update.id}/1.json.gz`))!.arrayBuffer())).toEqual(body);
    expect(await (await env.STATE.get(`journals/${update.id}/2.json`))!.json()).toEqual({ entries: entries.slice(2) });
    const baseKey = await env.DB.prepare("SELECT state_key FROM updates WHERE kind = 'import'").first<string>("state_key");
    expect(await (await env.STATE.get(`journals/${update.id}/run.json`))!.json()).toMatchObject({
      updateId: update.id,
      stack: "acme/web/dev",
      version: 2,
      why: "unreadable",
      baseKey,
      form: "journal",
    });
  });

  it("is the last full checkpoint", async () => {
    const update = await startUpdate(token, { journaling: false });
    const json = { isInvalid: false, ...deploymentOf([rootStack, component("other")]) };
    await ok("PATCH", `${update.path}/checkpoint`, { lease: update.lease, json });
    const repair = breakReplay();
    expect((await cancel(update)).status).toBe(204);
    repair();
    expect(await (await env.STATE.get(`journals/${update.id}/checkpoint.json`))!.json()).toEqual(json);
    await expectKept(update, "unreadable", ["checkpoint.json"]);
  });

  it("is nothing for a preview, and for an update that wrote nothing", async () => {
    const update = await startUpdate(token);
    const preview = await startUpdate(token, { dryRun: true });
    const repair = breakReplay();
    for (const one of [update, preview]) expect((await cancel(one)).status).toBe(204);
    repair();
    for (const one of [update, preview]) expect(await keptParts(one.id)).toEqual([]);
    expect((await latest(token)).info).not.toHaveProperty("journalKept");
    await expectFree();
  });
});

describe("deleting a stack by force", () => {
  const states: [string, () => Promise<RunningUpdate>, string[]][] = [
    ["an update runs", running, []],
    [
      "the end of its update fails",
      async () => {
        breakReplay();
        return finishing();
      },
      ["1.json"],
    ],
    [
      "its update is aborted",
      async () => {
        const update = await running();
        const stub = await coordinator();
        await stub.abort(update.id, "token");
        return update;
      },
      [],
    ],
    [
      "its update is aborted and cannot end",
      async () => {
        const update = await running();
        breakReplay();
        await (await coordinator()).abort(update.id, "token");
        return update;
      },
      ["1.json"],
    ],
    [
      "the lease of its update is over",
      async () => {
        const update = await running();
        laterBy(331_000);
        return update;
      },
      [],
    ],
    [
      "the state of its update cannot be made",
      async () => {
        breakReplay();
        return running();
      },
      ["1.json"],
    ],
    ["no update runs", async () => startUpdate(token).then(async (update) => (await complete(update), update)), []],
  ];

  it.each(states)("works while %s", async (_, ready, files) => {
    const update = await ready();
    const events = await eventsOf(async () => expect((await remove()).status).toBe(204));
    expect(events.map(({ event }) => event)).toContain("stack-deleted");
    expect(await keptParts(update.id)).toEqual(files);
    await refused(404, "GET", STACK_PATH, { token });
    await expectSound();
    await newStack(token);
    expect((await complete(await startUpdate(token))).status).toBe(204);
  });

  it("cancels the update in the caller's name, and deletes a state that has what was acknowledged", async () => {
    const update = await running();
    const { id } = await ok<{ id: string }>("GET", STACK_PATH, { token });
    const events = await eventsOf(async () => expect((await remove()).status).toBe(204));
    expect(events.map(({ event, userLogin }) => `${event} by ${userLogin}`).toSorted()).toEqual([
      "stack-deleted by ada",
      "stack-update-canceled by ada",
    ]);
    await refused(409, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await refused(409, "PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries } });
    await ok("POST", `/api/orgs/acme/restore-stack/${id}`, { token: world.admin, json: { stackName: "dev" } });
    expect(await namesInState(token)).toEqual(["made", "web-dev", "half"]);
    await expectFree();
  });

  it("works while the state store is away: what the update wrote is kept when it answers", async () => {
    const update = await running();
    const repairs = [breakObjectWrites(), breakObjectReads()];
    expect((await remove()).status).toBe(204);
    repairs.forEach((repair) => repair());
    await alarmAfter(6 * 3600_000);
    expect(await keptParts(update.id)).toEqual(["1.json"]);
  });

  it("does nothing without the right to it", async () => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setMembersCanDeleteStacks: false } });
    const update = await running();
    await refused(403, "DELETE", `${STACK_PATH}?force=true`, { token });
    expect(await ok("GET", update.path, { token })).toMatchObject({ status: "running" });
    expect((await complete(update)).status).toBe(204);
  });
});

it.each(["x", "é", "字"])("an update with the longest message that is taken ends with all that its end adds: of %s", async (text) => {
  const json = (bytes: number) => ({ metadata: { message: text.repeat(Math.floor(bytes / new TextEncoder().encode(text).length)) } });
  await refused(413, "POST", `${STACK_PATH}/update`, { token, json: json(257 * 1024) });
  const { updateID: id } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: json(255 * 1024) });
  const path = `${STACK_PATH}/update/${id}`;
  const { token: lease } = await ok<{ token: string }>("POST", path, { token, json: { journalVersion: 1 } });
  const figures = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}${"字".repeat(90)}`, i]));
  const events = [{ sequence: 0, timestamp: 1, summaryEvent: { resourceChanges: figures } }];
  await ok("POST", `${path}/events/batch`, { lease, json: { events } });
  await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  await expectFree();
});

describe("an update that once locked its stack for ever", () => {
  const urns = (count: number) => Array.from({ length: count }, () => "u");
  const wide = (name: string, more: object) => ({ ...component(name), ...more });
  const withHole = (more: object) => {
    const [first, second] = [wide("r1", more), wide("r2", more)];
    const [, beginFirst, endFirst, beginSecond, endSecond] = creates(first, second) as { sequenceID: number }[];
    return [beginFirst!, endFirst!, ...[beginSecond!, endSecond!].map((entry) => ({ ...entry, sequenceID: entry.sequenceID + 3 }))];
  };

  it.each([
    ["200,000 property dependencies", { propertyDependencies: { a: urns(200_000) } }],
    ["200,000 dependencies", { dependencies: urns(200_000) }],
    ["200,000 replacements", { replaceWith: urns(200_000) }],
  ])("ends like any other: a journal with a hole and a resource with %s", async (_, more) => {
    const update = await startUpdate(token);
    await journal(update, withHole(more));
    expect((await complete(update)).status).toBe(204);
    expect(await namesInState(token)).toEqual(["r1", "r2", "web-dev"]);
    await expectFree();
  });

  it.each([
    ["100,000 figures", Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`operation-${i}`, i]))],
    ["names of 1,000,000 characters", Object.fromEntries([1, 2, 3].map((i) => [`${"字".repeat(1_000_000)}${i}`, i]))],
    ["a text of 3 MB", { create: "x".repeat(3_000_000), update: 1 }],
  ])("ends like any other: a summary with %s", async (_, resourceChanges) => {
    for (const dryRun of [false, true]) {
      const update = await startUpdate(token, { dryRun });
      const events = [{ sequence: 0, timestamp: 1, summaryEvent: { resourceChanges } }];
      await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
      expect((await complete(update)).status).toBe(204);
      const text = await env.DB.prepare("SELECT resource_changes FROM updates WHERE id = ?")
        .bind(update.id)
        .first<string>("resource_changes");
      const figures = Object.entries(JSON.parse(text!) as Record<string, unknown>);
      expect(figures.length).toBeLessThanOrEqual(50);
      for (const [name, count] of figures) {
        expect(name.length).toBeLessThanOrEqual(100);
        expect(count).toBeTypeOf("number");
      }
    }
    await expectFree();
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { RELAY_AFTER } from "../../src/audit/record.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import type { Bindings } from "../../src/env.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { call, ok } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { expectSound } from "../support/dangling.ts";
import { type Exported, begins, component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import {
  afterBatch,
  breakCache,
  breakDatabase,
  breakDatabaseOnce,
  breakObjectReads,
  breakObjectWriteOnce,
  breakObjectWrites,
  breakQueue,
  loseDatabaseAnswers,
  loseObjectAnswers,
} from "../support/faults.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
  await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
});

const STACK_PATH = "/api/stacks/acme/web/dev";
/** The entries that an update has sent before the fault: one resource is created, and one is pending. */
const told = [...creates(component("made")), begins(10, 9, component("half"))];
const journal = (update: RunningUpdate) => call("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: told } });
const complete = (update: RunningUpdate) => call("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });

const cancel = ({ path }: RunningUpdate) => call("POST", `${path}/cancel`, { token });
const renew = ({ path, lease }: RunningUpdate) => call("POST", `${path}/renew_lease`, { lease, json: { token: "", duration: 300 } });

/** Ends an update, and terminates the stack's object after the database has committed the end and before the object has recorded it. */
async function dieAtEnd(update: RunningUpdate, end: (update: RunningUpdate) => Promise<Response>): Promise<void> {
  const object = await runInDurableObject(await coordinator(), (_, state) => state);
  const hasEnded = async () =>
    (await env.DB.prepare("SELECT ended_at FROM updates WHERE id = ?").bind(update.id).first("ended_at")) !== null;
  afterBatch(hasEnded, () => object.abort("a fault"));
  expect((await end(update)).status).toBe(503);
}

async function coordinator() {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  return STACKS.get(STACKS.idFromName(`${orgId}/web/dev`));
}

async function running(): Promise<RunningUpdate> {
  const update = await startUpdate(token);
  expect((await journal(update)).status).toBe(204);
  return update;
}

/** Expects that everything acknowledged is there, the stack is free, its records agree, and the next update can start at once. */
async function expectRecovered(stack = "web/dev"): Promise<void> {
  const { deployment } = await ok<Exported>("GET", `/api/stacks/acme/${stack}/export`, { token });
  if (deployment.resources?.some(({ urn }) => urn.endsWith("::made")))
    expect(deployment.pending_operations).toContainEqual({ type: "creating", resource: component("half") });
  const next = await startUpdate(token, { stack });
  expect((await complete(next)).status).toBe(204);
  await expectSound();
  expect(await ok("GET", `/api/stacks/acme/${stack}`, { token })).not.toHaveProperty("currentOperation");
  const { updates } = await ok<{ updates: { result: string }[] }>("GET", `/api/stacks/acme/${stack}/updates`, { token });
  for (const { result } of updates) expect(["succeeded", "failed"]).toContain(result);
  // Every event in the outbox arrives, once.
  await relayLeftovers(env as Bindings, Date.now() + 2 * RELAY_AFTER);
  const ids = (await settledLog()).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
}

const faults = {
  "the database fails once": breakDatabaseOnce,
  "the database is away for a while": breakDatabase,
  "the database does it and its answers are lost": loseDatabaseAnswers,
  "the object store fails once": breakObjectWriteOnce,
  "the object store is away for a while": breakObjectWrites,
  "the object store does it and its answers are lost": loseObjectAnswers,
  "nothing can be read from the object store": breakObjectReads,
  "the queue and the cache are away": () => {
    const repairs = [breakQueue(), breakCache()];
    return () => repairs.forEach((repair) => repair());
  },
};

/** The operation that a fault interrupts: it is prepared, sent, and sent again as the client repeats it. */
interface Operation {
  ready: () => Promise<RunningUpdate | undefined>;
  send: (update: RunningUpdate) => Promise<Response>;
  /** The statuses of a repetition after the first attempt succeeded but its answer was lost; by default 204 and 200. */
  again?: number[];
  /** The name of the stack afterwards. */
  stack?: string;
  gone?: true;
}

const idle = async () => undefined;
const operations: Record<string, Operation> = {
  create: { ready: idle, send: () => call("POST", `${STACK_PATH}/update`, { token, json: {} }) },
  start: {
    ready: async () => {
      const { updateID: id } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
      return { id, path: `${STACK_PATH}/update/${id}`, lease: "", version: 0 };
    },
    send: ({ path }) => call("POST", path, { token, json: { journalVersion: 1 } }),
    again: [409],
  },
  journal: { ready: running, send: journal },
  checkpoint: {
    ready: () => startUpdate(token, { journaling: false }),
    send: ({ path, lease }) =>
      call("PATCH", `${path}/checkpoint`, { lease, json: { isInvalid: false, ...deploymentOf([rootStack, component("other")]) } }),
  },
  events: {
    ready: running,
    send: ({ path, lease }) => call("POST", `${path}/events/batch`, { lease, json: { events: [{ sequence: 0, timestamp: 0 }] } }),
  },
  renew: { ready: running, send: renew },
  complete: { ready: running, send: complete },
  cancel: { ready: running, send: cancel, again: [409] },
  import: { ready: idle, send: () => call("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack, component("new")]) }) },
  rename: {
    ready: idle,
    send: () => call("POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } }),
    again: [404, 409],
    stack: "web/prod",
  },
  delete: { ready: idle, send: () => call("DELETE", `${STACK_PATH}?force=true`, { token }), again: [404], gone: true },
};

describe.each(Object.entries(faults))("while %s", (_, fault) => {
  it.each(Object.entries(operations))("%s is done or not done, and never half", async (_name, { ready, send, again = [], stack, gone }) => {
    const update = (await ready())!;
    await ok("GET", "/api/user", { token });
    const repair = fault();
    const statuses = [(await send(update)).status, (await send(update)).status];
    repair();
    for (const status of statuses) expect([200, 204, 503, ...again]).toContain(status);
    if (!statuses.some((status) => status < 300)) {
      const { status } = await send(update);
      expect([200, 204, ...again]).toContain(status);
    }
    if (gone) {
      await expectSound();
      return expect((await call("GET", STACK_PATH, { token })).status).toBe(404);
    }
    // An update that still runs is cancelled, as an operator would do it.
    const { activeUpdate, currentOperation } = await ok<{ activeUpdate: string; currentOperation?: object }>(
      "GET",
      `/api/stacks/acme/${stack ?? "web/dev"}`,
      { token },
    );
    if (currentOperation) await ok("POST", `/api/stacks/acme/${stack ?? "web/dev"}/update/${activeUpdate}/cancel`, { token });
    await expectRecovered(stack);
  });
});

it.each(["", "?force=true"])("a start that only the database received ends with the deletion of its stack: DELETE %s", async (force) => {
  const { id } = await ok<{ id: string }>("GET", STACK_PATH, { token });
  const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
  const repair = loseDatabaseAnswers();
  expect((await call("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} })).status).toBe(503);
  repair();
  await relayLeftovers(env as Bindings, Date.now() + 2 * RELAY_AFTER);
  const events = await eventsOf(async () => void (await ok("DELETE", `${STACK_PATH}${force}`, { token })));
  expect(events.map(({ event, userLogin }) => `${event} by ${userLogin}`).toSorted()).toEqual([
    "stack-deleted by mel",
    "stack-update-completed by mel",
  ]);
  await expectSound();
  await ok("POST", `/api/orgs/acme/restore-stack/${id}`, { token: world.admin, json: { stackName: "dev" } });
  await expectRecovered();
  expect(await ok("GET", `${STACK_PATH}/update/${updateID}`, { token })).toMatchObject({ status: "failed" });
});

it("a start whose answer was lost is made good by its repetition", async () => {
  const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
  const repair = loseDatabaseAnswers();
  expect((await call("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} })).status).toBe(503);
  expect((await call("POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} })).status).toBe(503);
  repair();
  const path = `${STACK_PATH}/update/${updateID}`;
  const { token: lease, version } = await ok<{ token: string; version: number }>("POST", path, { token, json: { journalVersion: 1 } });
  expect(version).toBe(2);
  expect(await ok("GET", STACK_PATH, { token })).toHaveProperty("currentOperation");
  const update = { id: updateID, path, lease, version };
  expect((await journal(update)).status).toBe(204);
  expect((await complete(update)).status).toBe(204);
  await expectRecovered();
});

describe("a call under a lease that is refused", () => {
  it("is an event in the name of who started the update, once however often it is repeated", async () => {
    const update = await running();
    const events = await eventsOf(async () => {
      await call("POST", `${STACK_PATH}/update/${crypto.randomUUID()}/complete`, { lease: update.lease, json: { status: "succeeded" } });
      await settledLog();
      laterBy(20 * 60_000);
      for (let i = 0; i < 3; i++) {
        expect((await call("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } })).status).toBe(403);
        await settledLog();
        expect((await journal(update)).status).toBe(403);
      }
    });
    expect(events).toMatchObject([
      {
        event: "auth-failure-stack-permission",
        authFailure: true,
        userLogin: "mel",
        userName: expect.any(String) as string,
        stack: "web/dev",
        sourceIp: "203.0.113.9",
        description: `Refused a call under the lease of an update of stack "acme/web/dev" (${update.id}).`,
      },
    ]);
  });

  it("leaves no event when we did not sign the lease", async () => {
    const update = await running();
    const events = await eventsOf(() => call("POST", `${update.path}/complete`, { lease: "bm8.bm8", json: { status: "succeeded" } }));
    expect(events).toEqual([]);
  });
});

describe("the stack's object", () => {
  it.each([
    ["evicted", async () => evictDurableObject(await coordinator())],
    [
      "aborted",
      async () => {
        const stub = await coordinator();
        await runInDurableObject(stub, (_, state) => state.abort("a fault")).catch(() => undefined);
      },
    ],
  ])("%s between any two calls knows what was acknowledged", async (_, end) => {
    const update = await startUpdate(token);
    await end();
    expect((await journal(update)).status).toBe(204);
    await end();
    await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } });
    await end();
    expect((await complete(update)).status).toBe(204);
    await end();
    expect((await complete(update)).status).toBe(204);
    await expectRecovered();
  });

  it("aborted in the middle of an end leaves it to the client's next attempt, or to the lease's end", async () => {
    for (const goesOn of [true, false]) {
      const update = await running();
      const stub = await coordinator();
      const ends = complete(update);
      await runInDurableObject(stub, (_, state) => state.abort("a fault")).catch(() => undefined);
      expect([204, 503]).toContain((await ends).status);
      if (goesOn) expect((await complete(update)).status).toBe(204);
      else {
        laterBy(331_000);
        await runDurableObjectAlarm(await coordinator());
      }
      await expectRecovered();
    }
  });

  describe.each([
    ["the client's word", complete],
    ["a cancellation", cancel],
  ])("that died right after the database had committed the end of an update by %s", (_, end) => {
    it.each([
      ["the next update", async () => void (await startUpdate(token))],
      ["an import", async () => void (await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) }))],
    ])("lets %s begin at once", async (_name, begin) => {
      const update = await running();
      await dieAtEnd(update, end);
      await begin();
      await expectSound();
    });
  });

  it("that died right after the database had committed a cancellation refuses each call of the cancelled client", async () => {
    const calls = { journal, renew, complete };
    for (const send of Object.values(calls)) {
      const update = await running();
      await dieAtEnd(update, cancel);
      expect([403, 409]).toContain((await send(update)).status);
      await expectRecovered();
    }
  });

  it("goes on with an update whose cancellation the database did not commit", async () => {
    const update = await running();
    const repair = breakDatabase();
    expect((await cancel(update)).status).toBe(503);
    repair();
    expect((await journal(update)).status).toBe(204);
    expect((await complete(update)).status).toBe(204);
    await expectRecovered();
  });

  it("is not misled by an alarm that comes late, twice, or while its update is being completed", async () => {
    const update = await running();
    const stub = await coordinator();
    const [, completed] = await Promise.all([runDurableObjectAlarm(stub), complete(update), runDurableObjectAlarm(stub)]);
    expect(completed.status).toBe(204);
    const lost = await running();
    laterBy(24 * 3600_000);
    await Promise.all([runDurableObjectAlarm(stub), runDurableObjectAlarm(stub)]);
    expect(await ok("GET", lost.path, { token })).toMatchObject({ status: "failed" });
    await runDurableObjectAlarm(stub);
    await expectRecovered();
  });

  it("whose lease is given back ends it by an alarm of its own, and soon", async () => {
    const update = await running();
    await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 0 } });
    await runInDurableObject(await coordinator(), async (_, state) =>
      expect(await state.storage.getAlarm()).toBeLessThan(Date.now() + 60_000),
    );
    laterBy(31_000);
    await runDurableObjectAlarm(await coordinator());
    await expectRecovered();
  });
});

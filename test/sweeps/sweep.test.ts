import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import { RELAY_AFTER } from "../../src/audit/record.ts";
import { relayLeftovers } from "../../src/audit/relay.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { sweep } from "../../src/sweeps/sweep.ts";
import { SAFE_AGE, sweepObjects } from "../../src/sweeps/objects.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { expectSound, orphans } from "../support/dangling.ts";
import { component, creates, deploymentOf } from "../support/deployment.ts";
import { breakDatabase, loseDatabaseAnswers } from "../support/faults.ts";
import { freshBindings } from "../support/fresh.ts";
import { changesNothing, objectKeys } from "../support/stored.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const HOUR = 3600_000;
const STACK_PATH = "/api/stacks/acme/web/dev";
const sweepAt = (later: number) => sweep(env as Bindings, Date.now() + later);
const create = async (json: unknown = {}) => (await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json })).updateID;
const importState = (name: string) => call("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component(name)]) });

async function runUpdate(name: string): Promise<void> {
  const { path, lease } = await startUpdate(token);
  await ok("PATCH", `${path}/journalentries`, { lease, json: { entries: creates(component(name)) } });
  await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
}

/** A start that only the database has received. */
async function lostStart(json: unknown = {}): Promise<string> {
  const id = await create(json);
  const repair = loseDatabaseAnswers();
  await refused(503, "POST", `${STACK_PATH}/update/${id}`, { token, json: {} });
  repair();
  return id;
}

describe("objects that no row names", () => {
  it("are deleted when they are old, unless a row names or once named them", async () => {
    await runUpdate("a");
    await importState("b");
    await runUpdate("c");
    await ok("POST", "/api/stacks/acme/web", { token, json: { stackName: "born", state: deploymentOf([]) } });
    await importState("d");
    await ok("DELETE", `${STACK_PATH}?force=true`, { token });
    const named = await objectKeys();
    const lost = [
      "state/1f0a",
      `events/${crypto.randomUUID()}.jsonl`,
      `journals/${crypto.randomUUID()}/1.json`,
      `configs/${crypto.randomUUID()}.json`,
      `initial/${crypto.randomUUID()}`,
    ];
    for (const key of lost) await env.STATE.put(key, "{}");
    await env.STATE.put("audit/archive/1", "{}");

    expect((await sweepAt(SAFE_AGE - HOUR)).objects).toBe(0);
    expect(await orphans()).toHaveLength(lost.length + 1);
    expect((await sweepAt(SAFE_AGE + HOUR)).objects).toBe(lost.length);
    expect(await objectKeys()).toEqual([...named, "audit/archive/1"].sort());
    await expectSound();
  });

  it("are kept beside an empty database, because all of them look lost there", async () => {
    await runUpdate("a");
    await settledLog();
    expect(await signCheckpoints(env as Bindings, Date.now())).toBe(1);
    const before = await objectKeys();
    const objects = await Promise.all(before.map(async (key) => ({ key, bytes: await (await env.STATE.get(key))!.arrayBuffer() })));
    await freshBindings();
    for (const { key, bytes } of objects) await env.STATE.put(key, bytes);
    await newWorld();
    await expect(sweepAt(2 * SAFE_AGE)).rejects.toThrow("other organizations than those in the database");
    expect(await objectKeys()).toEqual(before);
  });

  it("are found in pages, one at each run, again and again", async () => {
    await runUpdate("a");
    const page = () => sweepObjects(env as Bindings, openStore(env), Date.now() + 2 * SAFE_AGE, 3);
    const put = () => Promise.all(Array.from({ length: 7 }, (_, i) => env.STATE.put(`state/${i}`, "")));
    await put();
    expect(await page()).toBeLessThanOrEqual(3);
    expect(await orphans()).not.toEqual([]);
    await page();
    await page();
    expect(await orphans()).toEqual([]);
    await put();
    for (let i = 0; i < 4; i++) await page();
    expect(await orphans()).toEqual([]);
    await expectSound();
  });

  it("are left by an end and by an import that broke off between R2 and D1", async () => {
    const { path, lease } = await startUpdate(token);
    await ok("PATCH", `${path}/journalentries`, { lease, json: { entries: creates(component("a")) } });
    const repair = breakDatabase();
    await refused(503, "POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
    repair();
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
    expect(await orphans()).toHaveLength(1);
    await sweepAt(SAFE_AGE + HOUR);
    expect(await orphans()).toEqual([]);
    await expectSound();
  });

  it("a stack whose creation was not answered keeps the state that it was created with", async () => {
    const repair = loseDatabaseAnswers();
    await refused(503, "POST", "/api/stacks/acme/web", { token, json: { stackName: "born", state: deploymentOf([]) } });
    repair();
    await expectSound();
    expect(await ok("GET", "/api/stacks/acme/web/born/export", { token })).toMatchObject({ version: 3 });
    await refused(409, "POST", "/api/stacks/acme/web", { token, json: { stackName: "born", state: deploymentOf([]) } });
  });
});

describe("updates", () => {
  it("that were never started are forgotten after a day", async () => {
    await runUpdate("a");
    const id = await create();
    await changesNothing(async () => expect((await sweepAt(23 * HOUR)).neverStarted).toBe(0));
    expect((await sweepAt(25 * HOUR)).neverStarted).toBe(1);
    await refused(404, "POST", `${STACK_PATH}/update/${id}`, { token, json: {} });
    expect((await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toHaveLength(1);
  });

  it("that run only according to the database are ended after a while, in the name of who started them", async () => {
    const id = await lostStart();
    expect((await sweepAt(10 * 60_000)).lostStarts).toBe(0);
    await relayLeftovers(env as Bindings, Date.now() + RELAY_AFTER);
    const events = await eventsOf(async () => expect((await sweepAt(20 * 60_000)).lostStarts).toBe(1));
    expect(events).toMatchObject([
      {
        event: "stack-update-completed",
        userLogin: "mel",
        stack: "web/dev",
        description: `Ended an update of stack "acme/web/dev" (${id}). Its client never received the start.`,
      },
    ]);
    expect(await ok("GET", `${STACK_PATH}/update/${id}`, { token })).toMatchObject({ status: "failed" });
    await expectSound();
    await runUpdate("a");
    await expectSound();
  });

  it("previews among them too", async () => {
    const id = await lostStart({ options: { dryRun: true } });
    await startUpdate(token);
    expect((await sweepAt(20 * 60_000)).lostStarts).toBe(1);
    expect(await ok("GET", `${STACK_PATH}/update/${id}`, { token })).toMatchObject({ status: "failed" });
    expect(await ok("GET", STACK_PATH, { token })).toHaveProperty("currentOperation");
  });

  it("that run are left alone, however long", async () => {
    const { path, lease } = await startUpdate(token);
    await changesNothing(async () => expect((await sweepAt(20 * HOUR)).lostStarts).toBe(0));
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  });
});

it("the cron sweeps, also while the audit relay fails", async () => {
  await lostStart();
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(Date.now() + HOUR) }), env as Bindings);
  await expectSound();
  expect(await ok("GET", STACK_PATH, { token })).not.toHaveProperty("currentOperation");
});

it("after any sequence of faults and sweeps no row names what is not there", { timeout: 120_000 * inject("sizes").runs }, async () => {
  const steps: Record<string, () => Promise<unknown>> = {
    update: () => runUpdate("a"),
    import: () => importState("b"),
    "lost start": () => lostStart(),
    "never started": () => create(),
    "create and delete": async () => {
      await call("POST", "/api/stacks/acme/web", { token, json: { stackName: "born", state: deploymentOf([]) } });
      await call("DELETE", "/api/stacks/acme/web/born?force=true", { token });
    },
    sweep: () => sweepAt(2 * SAFE_AGE),
    "sweep soon": () => sweepAt(HOUR),
  };
  const faults = { none: () => () => undefined, broken: breakDatabase, lost: loseDatabaseAnswers };
  const step = fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.constantFrom<keyof typeof faults>("none", "none", "broken", "lost"));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (run) => {
      await freshBindings();
      world = await newWorld();
      token = world.member;
      await newStack(token);
      for (const [name, fault] of run) {
        const repair = faults[fault]();
        // The call may be refused: only what it leaves behind matters.
        await steps[name]!().catch(() => undefined);
        repair();
      }
      await sweepAt(2 * SAFE_AGE);
      await sweepAt(2 * SAFE_AGE);
      await expectSound();
      expect(await orphans()).toEqual([]);
      await runUpdate("last");
    }),
    { numRuns: 8 * inject("sizes").runs },
  );
});

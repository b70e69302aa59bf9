import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type Exported, begins, component, creates } from "../support/deployment.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const journal = (update: RunningUpdate, entries: unknown[]) =>
  ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries } });
const exported = async () => (await ok<Exported>("GET", `${STACK_PATH}/export`, { token })).deployment;

async function coordinator() {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  return STACKS.get(STACKS.idFromName(`${orgId}/web/dev`));
}

/** Runs the alarm that the object set for itself, as if it were due. */
const alarm = async () => expect(await runDurableObjectAlarm(await coordinator())).toBe(true);

describe("an update whose client never comes back", () => {
  it("ends by the alarm: as failed, with what was acknowledged and with what was pending", async () => {
    const update = await startUpdate(token);
    await journal(update, [...creates(component("made")), begins(10, 9, component("half"))]);
    const events = await eventsOf(async () => {
      laterBy(331_000);
      await alarm();
    });
    expect(events).toMatchObject([
      { event: "stack-update-completed", userLogin: "mel", description: expect.stringContaining("Its client") as string },
    ]);
    const { resources, pending_operations: pending } = await exported();
    expect(resources?.map((resource) => resource.urn)).toEqual([component("made").urn]);
    expect(pending).toEqual([{ resource: component("half"), type: "creating" }]);
    expect(await ok("GET", update.path, { token })).toEqual({ status: "failed", events: [] });
    expect((await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toMatchObject([
      { result: "failed", version: 1 },
    ]);
    await startUpdate(token);
  });

  it("ends when the next one starts, without waiting for the alarm", async () => {
    const update = await startUpdate(token);
    await journal(update, creates(component("made")));
    laterBy(331_000);
    const next = await startUpdate(token);
    expect(next.version).toBe(2);
    expect((await exported()).resources).toHaveLength(1);
    expect(await refused(409, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } })).toBe(
      "Conflict: The Update has already timed out",
    );
  });

  it("does not stop an import or a deletion either", async () => {
    await startUpdate(token);
    laterBy(331_000);
    await ok("POST", `${STACK_PATH}/import`, { token, json: { version: 3, deployment: {} } });
    await startUpdate(token);
    laterBy(331_000);
    await ok("DELETE", STACK_PATH, { token });
  });

  it("has the time of its lease and some grace: until then it may come back", async () => {
    laterBy(0);
    const update = await startUpdate(token);
    laterBy(329_000);
    await journal(update, creates(component("made")));
    expect((await call("POST", `${STACK_PATH}/update/${update.id}/cancel`, { token: world.stranger })).status).toBe(404);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  });

  it("is not ended by an alarm that comes early", async () => {
    const update = await startUpdate(token);
    await alarm();
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
    await runInDurableObject(await coordinator(), async (_, state) =>
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now() + 300_000),
    );
  });

  it("ends as a preview without touching the state", async () => {
    const preview = await startUpdate(token, { dryRun: true });
    laterBy(331_000);
    await alarm();
    expect(await ok("GET", preview.path, { token })).toEqual({ status: "failed", events: [] });
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 0 });
  });
});

describe("the stack's object", () => {
  it("has after a restart what it had before", async () => {
    const update = await startUpdate(token);
    await journal(update, creates(component("a")));
    await evictDurableObject(await coordinator());
    await journal(update, [begins(20, 20, component("b"))]);
    await evictDurableObject(await coordinator());
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await evictDurableObject(await coordinator());
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    const { resources, pending_operations: pending } = await exported();
    expect([resources?.length, pending?.length]).toEqual([1, 1]);
  });

  it("deletes a run some time after its end, and stores nothing then", async () => {
    const update = await startUpdate(token);
    await journal(update, creates(component("a")));
    await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events: [{ sequence: 0, timestamp: 0 }] } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    laterBy(16 * 60_000);
    await alarm();
    const left = await runInDurableObject(await coordinator(), (_, state) =>
      ["runs", "received"].map((table) => state.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one()["n"]),
    );
    expect(left).toEqual([0, 0]);
    await refused(403, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  });
});

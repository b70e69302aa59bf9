import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { newVisitor } from "../support/browser.ts";
import { cachedIdentity } from "../support/cache.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type Exported, component, creates, deploymentOf } from "../support/deployment.ts";
import {
  breakCache,
  breakDatabase,
  breakObjectReads,
  breakObjectWrites,
  breakQueue,
  loseDatabaseAnswers,
  noPromises,
} from "../support/faults.ts";
import { changesNothing, records } from "../support/stored.ts";
import { type RunningUpdate, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const journal = (update: RunningUpdate) =>
  ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(component("a")) } });
const complete = (update: RunningUpdate) => call("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
const names = async () =>
  ((await ok<Exported>("GET", `${STACK_PATH}/export`, { token })).deployment.resources ?? []).map((resource) =>
    resource.urn.split("::").at(-1),
  );

async function alarm(): Promise<boolean> {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  return runDurableObjectAlarm(STACKS.get(STACKS.idFromName(`${orgId}/web/dev`)));
}

describe("without the database", () => {
  it("nothing is done, and every call is a 503 that says when to retry", async () => {
    await ok("GET", "/api/user", { token });
    await cachedIdentity(token);
    await changesNothing(async () => {
      const repair = breakDatabase();
      for (const [method, path, json] of [
        ["POST", "/api/stacks/acme/web", { stackName: "new" }],
        ["PATCH", `${STACK_PATH}/tags`, { a: "b" }],
        ["POST", `${STACK_PATH}/update`, {}],
        ["DELETE", STACK_PATH, undefined],
        ["GET", STACK_PATH, undefined],
        ["GET", `${STACK_PATH}/export`, undefined],
        ["POST", `${STACK_PATH}/decrypt`, { ciphertext: "AAAA" }],
        ["GET", "/api/user/stacks", undefined],
      ] as const) {
        const response = await call(method, path, { token, json });
        expect([path, response.status, response.headers.get("Retry-After")]).toEqual([path, 503, "2"]);
      }
      expect((await call("GET", "/api/orgs/acme/tokens", { token: world.admin })).status).toBe(503);
      expect((await call("GET", "/api/capabilities")).status).toBe(200);
      repair();
    });
  });

  it("a token that is not cached is not answered as invalid", async () => {
    const fresh = await newOrgToken(world, "ci");
    breakDatabase();
    expect((await call("GET", "/api/user", { token: fresh.tokenValue })).status).toBe(503);
    expect((await call("GET", "/api/orgs/acme/tokens", { token: fresh.tokenValue })).status).toBe(503);
  });

  it("an update goes on; only its end has to wait, and nothing is lost", async () => {
    const update = await startUpdate(token);
    const repair = breakDatabase();
    await journal(update);
    await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } });
    expect((await complete(update)).status).toBe(503);
    expect((await complete(update)).status).toBe(503);
    repair();
    expect((await complete(update)).status).toBe(204);
    expect(await names()).toEqual(["a"]);
    expect((await settledLog()).filter((event) => event.event === "stack-update-completed")).toHaveLength(1);
  });

  it("an end that no client requests again is carried out by the alarm, as it was requested", async () => {
    const update = await startUpdate(token);
    await journal(update);
    const repair = breakDatabase();
    expect((await complete(update)).status).toBe(503);
    repair();
    laterBy(10_001);
    expect(await alarm()).toBe(true);
    expect(await names()).toEqual(["a"]);
    expect(await ok("GET", update.path, { token })).toEqual({ status: "succeeded", events: [] });
    await startUpdate(token);
  });

  it.each([
    ["did not reach it", breakDatabase],
    ["reached it, and the answer was lost", loseDatabaseAnswers],
  ])("a start that %s does not hold the stack: the next one has it at once", async (_, fault) => {
    const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
    const repair = fault();
    await refused(503, "POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
    repair();
    const next = await startUpdate(token);
    expect(next.version).toBe(1);
    expect((await complete(next)).status).toBe(204);
    expect(await ok("GET", STACK_PATH, { token })).not.toHaveProperty("currentOperation");
    expect(await ok("GET", `${STACK_PATH}/update/${updateID}`, { token })).not.toMatchObject({ status: "running" });
  });

  it("a start that only the database has can be cancelled, and is ended by an import", async () => {
    const lostStart = async () => {
      const { updateID } = await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} });
      const repair = loseDatabaseAnswers();
      await refused(503, "POST", `${STACK_PATH}/update/${updateID}`, { token, json: {} });
      repair();
      return `${STACK_PATH}/update/${updateID}`;
    };
    const first = await lostStart();
    expect(await ok("GET", STACK_PATH, { token })).toHaveProperty("currentOperation");
    await ok("POST", `${first}/cancel`, { token });
    expect(await ok("GET", STACK_PATH, { token })).not.toHaveProperty("currentOperation");
    await refused(409, "POST", `${first}/cancel`, { token });
    await lostStart();
    await ok("POST", `${STACK_PATH}/import`, { token, json: { version: 3, deployment: {} } });
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 1 });
  });

  it("a cancellation is not half done", async () => {
    const update = await startUpdate(token);
    await journal(update);
    const repair = breakDatabase();
    await refused(503, "POST", `${update.path}/cancel`, { token });
    repair();
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
    expect((await complete(update)).status).toBe(204);
    expect(await names()).toEqual(["a"]);
  });

  it("a completion whose answer was lost is done once", async () => {
    const update = await startUpdate(token);
    await journal(update);
    const repair = loseDatabaseAnswers();
    expect((await complete(update)).status).toBe(503);
    repair();
    expect((await complete(update)).status).toBe(204);
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 1 });
    expect(await names()).toEqual(["a"]);
    expect((await records())["updates"]).toHaveLength(1);
  });
});

describe("without the object store", () => {
  it("an update cannot be completed, can be later, and loses nothing", async () => {
    const update = await startUpdate(token);
    await journal(update);
    const repair = breakObjectWrites();
    await changesNothing(async () => expect((await complete(update)).status).toBe(503));
    repair();
    expect((await complete(update)).status).toBe(204);
    expect(await names()).toEqual(["a"]);
  });

  it("an update cannot be completed while its base cannot be read", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("base")]) });
    const update = await startUpdate(token);
    await journal(update);
    const repair = breakObjectReads();
    expect((await complete(update)).status).toBe(503);
    await refused(503, "GET", `${STACK_PATH}/export`, { token });
    repair();
    expect((await complete(update)).status).toBe(204);
    expect(await names()).toEqual(["a", "base"]);
  });

  it("an import is not made", async () => {
    breakObjectWrites();
    const events = await eventsOf(() =>
      changesNothing(() => refused(503, "POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) })),
    );
    expect(events).toEqual([]);
  });

  it("an update that ran out of its lease waits for its end, and then has it", async () => {
    const update = await startUpdate(token);
    await journal(update);
    laterBy(331_000);
    const repair = breakObjectWrites();
    expect(await alarm()).toBe(true);
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
    repair();
    laterBy(10_001);
    expect(await alarm()).toBe(true);
    expect(await ok("GET", update.path, { token })).toEqual({ status: "failed", events: [] });
    expect(await names()).toEqual(["a"]);
  });
});

describe("without room for an audit event, while everything else works", () => {
  it("a refusal is not answered unless its event is stored", async () => {
    const limited = await newOrgToken(world, "limited", { stacks: [{ project: "web", stack: "other" }] });
    const elsewhere = await newOrgToken(world, "elsewhere", { ipAllowList: ["192.0.2.0/24"] });
    const disabled = await newOrgToken(world, "disabled");
    await ok("POST", `/api/orgs/acme/tokens/${disabled.id}/disable`, { token: world.admin });
    const deleted = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token, json: {} });
    await ok("DELETE", `/api/user/tokens/${deleted.id}`, { token });
    const { lease, path } = await startUpdate(token);
    const stranger = path.replace(/[^/]+$/, crypto.randomUUID());
    const signIn = (value: string) => newVisitor().post("/signin", { token: value });
    const refusals: Record<string, [status: number, ask: () => Promise<Response>]> = {
      "a missing right": [403, () => call("POST", "/api/orgs/acme/tokens", { token, json: { name: "x" } })],
      "a missing right on a stack": [403, () => call("GET", STACK_PATH, { token: world.billing })],
      "a machine where only a person may": [403, () => call("POST", "/api/user/tokens", { token: limited.tokenValue, json: {} })],
      "a limit on stacks": [404, () => call("GET", STACK_PATH, { token: limited.tokenValue })],
      "a limit on networks": [403, () => call("GET", STACK_PATH, { token: elsewhere.tokenValue })],
      "a disabled token": [401, () => call("GET", "/api/user", { token: disabled.tokenValue })],
      "a deleted personal token": [401, () => call("GET", "/api/user", { token: deleted.tokenValue })],
      "a lease of another update": [403, () => call("POST", `${stranger}/complete`, { lease, json: { status: "succeeded" } })],
      "a machine's sign-in": [400, () => signIn(limited.tokenValue)],
      "a deleted token's sign-in": [400, () => signIn(deleted.tokenValue)],
    };
    // All of these credentials are known, so only the event needs the database.
    for (const value of [token, world.billing, limited.tokenValue, elsewhere.tokenValue]) await call("GET", "/api/user", { token: value });
    await settledLog();
    const restore = await noPromises();
    for (const [what, [, ask]] of Object.entries(refusals)) expect([what, (await ask()).status]).toEqual([what, 503]);
    await restore();
    for (const [what, [status, ask]] of Object.entries(refusals)) {
      const events = await eventsOf(async () => expect([what, (await ask()).status]).toEqual([what, status]));
      expect([what, events.length]).toEqual([what, 1]);
    }
  });
});

describe("without the queue or the cache", () => {
  it("everything works, and the events wait", async () => {
    breakQueue();
    breakCache();
    const ci = await newOrgToken(world, "ci");
    const update = await startUpdate(ci.tokenValue);
    await journal(update);
    expect((await complete(update)).status).toBe(204);
    expect(await names()).toEqual(["a"]);
    await ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    await refused(401, "GET", STACK_PATH, { token: ci.tokenValue });
    const waiting = await env.DB.prepare("SELECT count(*) AS n FROM audit_outbox").first<number>("n");
    expect(waiting).toBeGreaterThanOrEqual(5);
  });
});

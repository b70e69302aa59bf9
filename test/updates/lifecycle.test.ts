import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { signLease } from "../../src/auth/leaseToken.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type Exported, component, creates, deploymentOf } from "../support/deployment.ts";
import { changesNothing } from "../support/stored.ts";
import { type RunningUpdate, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const busy = "Conflict: Another update is currently in progress.";
const completed = "Conflict: The Update has already completed";
const create = async (kind = "update", json: unknown = {}) =>
  (await ok<{ updateID: string }>("POST", `${STACK_PATH}/${kind}`, { token, json })).updateID;
const complete = (update: RunningUpdate, status = "succeeded") =>
  call("POST", `${update.path}/complete`, { lease: update.lease, json: { status } });
const journal = (update: RunningUpdate, entries: unknown[]) =>
  call("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries } });
const stack = () =>
  ok<{ version: number; activeUpdate: string; currentOperation?: { kind: string; author: string } }>("GET", STACK_PATH, { token });
const exported = () => ok<Exported>("GET", `${STACK_PATH}/export`, { token });
const urns = async () => ((await exported()).deployment.resources ?? []).map((resource) => resource.urn.split("::").at(-1));

describe("an update", () => {
  it("takes the stack when it starts, and gives it back when it is completed", async () => {
    const update = await startUpdate(token, { kind: "destroy" });
    expect(update.version).toBe(1);
    expect(await stack()).toMatchObject({ version: 0, activeUpdate: update.id, currentOperation: { kind: "destroy", author: "mel" } });
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
    expect((await complete(update)).status).toBe(204);
    expect(await stack()).toMatchObject({ version: 1, activeUpdate: update.id });
    expect(await stack()).not.toHaveProperty("currentOperation");
    expect(await ok("GET", update.path, { token })).toEqual({ status: "succeeded", events: [] });
  });

  it("has its state exported as soon as it is completed, and its start and end are events", async () => {
    const events = await eventsOf(async () => {
      const update = await startUpdate(token);
      await journal(update, creates(component("a"), component("b")));
      await complete(update, "failed");
    });
    expect(await urns()).toEqual(["a", "b"]);
    expect(events.map((event) => [event.event, event.userLogin, event.stack])).toEqual([
      ["stack-update-started", "mel", "web/dev"],
      ["stack-update-completed", "mel", "web/dev"],
    ]);
    expect(events[1]!.description).toContain("Failed an update");
    const { updates } = await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token });
    expect(updates).toMatchObject([{ version: 1, result: "failed", resourceCount: 2 }]);
  });

  it.each([
    ["120", ".12"],
    ["100", ".1"],
    ["000", ""],
    ["123", ".123"],
  ])("that ends at .%s seconds writes a time that the CLI, a Go program, would write back as it is: %s", async (milliseconds, fraction) => {
    laterBy(0);
    laterBy(Number(milliseconds) - (Date.now() % 1000));
    const second = new Date().toISOString().slice(0, 19);
    const update = await startUpdate(token);
    await journal(update, creates(component("a")));
    await complete(update);
    expect((await exported()).deployment).toMatchObject({ manifest: { time: `${second}${fraction}Z` } });
  });

  it("is created without taking anything", async () => {
    await startUpdate(token);
    const id = await create();
    expect(await ok("GET", `${STACK_PATH}/update/${id}`, { token })).toEqual({ status: "not started", events: [] });
  });

  it("keeps a configuration of values that clients know, with all that is in them", async () => {
    const config = {
      "web:size": { string: "3", secret: false, object: false },
      "web:list": { string: '[{"secure":"AAAB"}]', secret: true, object: true, newer: { than: "us" } },
      ["__proto__"]: { string: "", secret: false, object: false },
    };
    const id = await create("update", { config, newer: 1 });
    const { token: lease } = await ok<{ token: string }>("POST", `${STACK_PATH}/update/${id}`, { token, json: {} });
    await ok("POST", `${STACK_PATH}/update/${id}/complete`, { lease, json: { status: "succeeded" } });
    expect((await ok<{ info: { config: object } }>("GET", `${STACK_PATH}/updates/latest`, { token })).info.config).toEqual(config);
  });

  it.each([
    ["config", "text"],
    ["config", []],
    ["config.web:size", { "web:size": "3" }],
    ["config.web:size", { "web:size": null }],
    ["config.web:size.string", { "web:size": { string: 3, secret: false, object: false } }],
    ["config.web:size.secret", { "web:size": { string: "3", secret: "yes", object: false } }],
    ["config.web:size.object", { "web:size": { string: "3", secret: false } }],
  ])("is not created with a configuration that no client could read: %s", async (where, config) => {
    await changesNothing(async () =>
      expect(await refused(400, "POST", `${STACK_PATH}/update`, { token, json: { config } })).toContain(where),
    );
  });

  it("gives a short answer for a configuration with many faults", async () => {
    const config = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`web:${i}`, i]));
    expect((await refused(400, "POST", `${STACK_PATH}/update`, { token, json: { config } })).length).toBeLessThan(2000);
  });

  it("starts once", async () => {
    const update = await startUpdate(token);
    expect(await refused(409, "POST", update.path, { token, json: {} })).toBe("Conflict: The Update has already started");
    await complete(update);
    expect((await call("POST", update.path, { token, json: {} })).status).toBe(409);
    expect(await stack()).toMatchObject({ version: 1 });
  });

  it("is found under its own stack only", async () => {
    await newStack(token, "web", "prod");
    const id = await create();
    await changesNothing(async () => {
      expect(await refused(404, "POST", `/api/stacks/acme/web/prod/update/${id}`, { token, json: {} })).toBe(
        `Not Found: Update '${id}' not found`,
      );
      await refused(404, "GET", `/api/stacks/acme/web/prod/update/${id}`, { token });
      await refused(404, "POST", `${STACK_PATH}/update/${crypto.randomUUID()}`, { token, json: {} });
      await refused(404, "POST", "/api/stacks/acme/web/none/update", { token, json: {} });
      await refused(404, "POST", `/api/stacks/acme/WEBS/dev/update/${id}`, { token, json: {} });
    });
  });

  it("is offered journaling only if it asked", async () => {
    for (const [json, granted] of [
      [{ journalVersion: 1 }, true],
      [{}, false],
      [{ journalVersion: 0 }, false],
      [{ journalVersion: 2 }, false],
      [{ journalVersion: null, tags: null }, false],
    ] as const) {
      const path = `${STACK_PATH}/update/${await create()}`;
      const started = await ok("POST", path, { token, json });
      expect("journalVersion" in started, JSON.stringify(json)).toBe(granted);
      await ok("POST", `${path}/complete`, { lease: started["token"] as string, json: { status: "succeeded" } });
    }
  });

  it("replaces the tags of its stack only if it brings some", async () => {
    await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { a: "1", b: "2" } });
    const path = `${STACK_PATH}/update/${await create()}`;
    const started = await ok<{ token: string }>("POST", path, { token, json: {} });
    expect(await stack()).toMatchObject({ tags: { a: "1", b: "2" } });
    await ok("POST", `${path}/complete`, { lease: started.token, json: { status: "succeeded" } });
    await ok("POST", `${STACK_PATH}/update/${await create()}`, { token, json: { tags: { c: "3" } } });
    expect(((await stack()) as { tags?: unknown }).tags).toEqual({ c: "3" });
  });

  it("is a machine's, in the history and in the log", async () => {
    const ci = await newOrgToken(world, "ci");
    const events = await eventsOf(async () => {
      const update = await startUpdate(ci.tokenValue);
      await complete(update);
    });
    for (const event of events) expect(event).toMatchObject({ userLogin: "acme", tokenId: ci.id, tokenName: "ci" });
    expect(await ok("GET", `${STACK_PATH}/updates/latest`, { token })).toMatchObject({
      requestedBy: { githubLogin: "acme" },
      requestedByToken: "ci",
    });
  });
});

describe("while an update runs", () => {
  it("no other starts, and nothing else changes the stack", async () => {
    const update = await startUpdate(token);
    const other = await create();
    const events = await eventsOf(async () => {
      await changesNothing(async () => {
        expect(await refused(409, "POST", `${STACK_PATH}/update/${other}`, { token, json: {} })).toBe(busy);
        expect(await refused(409, "DELETE", STACK_PATH, { token })).toBe(busy);
      });
      expect(await refused(409, "POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) })).toBe(busy);
      expect(await stack()).toMatchObject({ version: 0 });
    });
    expect(events).toEqual([]);
    await complete(update);
    await ok("POST", `${STACK_PATH}/update/${other}`, { token, json: {} });
  });

  it("of twenty that start at the same time one does", async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => create()));
    const events = await eventsOf(async () => {
      const answers = await Promise.all(ids.map((id) => call("POST", `${STACK_PATH}/update/${id}`, { token, json: {} })));
      expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    });
    expect(events.map((event) => event.event)).toEqual(["stack-update-started"]);
  });

  it("previews run beside it, several at a time, and end by themselves", async () => {
    const update = await startUpdate(token);
    const previews = [
      await startUpdate(token, { dryRun: true }),
      await startUpdate(token, { kind: "preview" }),
      await startUpdate(token, { kind: "destroy", dryRun: true }),
    ];
    for (const preview of previews) {
      expect(preview.version).toBe(0);
      expect((await complete(preview)).status).toBe(204);
      expect(await ok("GET", preview.path, { token })).toEqual({ status: "succeeded", events: [] });
    }
    expect(await stack()).toMatchObject({ version: 0, activeUpdate: update.id, currentOperation: { kind: "update" } });
    await journal(update, creates(component("a")));
    expect((await complete(update)).status).toBe(204);
    expect(await urns()).toEqual(["a"]);
    expect((await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toHaveLength(1);
  });

  it("other stacks do not notice", async () => {
    await startUpdate(token);
    await newStack(token, "web", "prod");
    await startUpdate(token, { stack: "web/prod" });
  });

  it("the export is the state that it started from", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("before")]) });
    const update = await startUpdate(token);
    await journal(update, creates(component("after")));
    expect(await urns()).toEqual(["before"]);
    await complete(update);
    expect(await urns()).toEqual(["after", "before"]);
  });
});

describe("completing", () => {
  it("may be repeated with the same status", async () => {
    const update = await startUpdate(token);
    await journal(update, creates(component("a")));
    await complete(update);
    const events = await eventsOf(() => changesNothing(async () => expect((await complete(update)).status).toBe(204)));
    expect(events).toEqual([]);
    expect(await refused(409, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "failed" } })).toBe(completed);
  });

  it.each(["cancelled", "", "running", "SUCCEEDED"])("refuses the status %j", async (status) => {
    const update = await startUpdate(token);
    expect(await refused(400, "POST", `${update.path}/complete`, { lease: update.lease, json: { status } })).toBe("unrecognized status");
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
  });

  it("ends all writing under the lease", async () => {
    const update = await startUpdate(token);
    await complete(update);
    expect(
      await refused(409, "PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(component("late")) } }),
    ).toBe(completed);
    expect(
      await refused(409, "PATCH", `${update.path}/checkpoint`, { lease: update.lease, json: { isInvalid: false, ...deploymentOf([]) } }),
    ).toBe(completed);
    expect(await refused(403, "POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } })).toBe(
      "The provided update token has expired.",
    );
  });
});

describe("cancelling", () => {
  it("frees the stack, keeps what was acknowledged, and is an event of who did it", async () => {
    const update = await startUpdate(token);
    await journal(update, creates(component("kept")));
    const events = await eventsOf(() => ok("POST", `${update.path}/cancel`, { token: world.admin }));
    expect(events).toMatchObject([{ event: "stack-update-canceled", userLogin: "ada", stack: "web/dev" }]);
    expect(await urns()).toEqual(["kept"]);
    expect(await ok("GET", update.path, { token })).toEqual({ status: "cancelled", events: [] });
    expect((await ok<{ updates: unknown[] }>("GET", `${STACK_PATH}/updates`, { token })).updates).toMatchObject([
      { result: "failed", version: 1 },
    ]);
    await startUpdate(token);
  });

  it("is reported to the process that ran it", async () => {
    const update = await startUpdate(token);
    await ok("POST", `${update.path}/cancel`, { token });
    expect(await refused(403, "POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration: 300 } })).toBe(
      "The provided update token has expired.",
    );
    expect(
      await refused(409, "PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(component("late")) } }),
    ).toBe("Conflict: The Update has been cancelled");
    expect(await refused(409, "POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } })).toBe(
      "Conflict: The Update has been cancelled",
    );
    expect(await urns()).toEqual([]);
  });

  it("an update that is over, or has not started, is 409", async () => {
    const update = await startUpdate(token);
    await ok("POST", `${update.path}/cancel`, { token });
    const notStarted = await create();
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(409, "POST", `${update.path}/cancel`, { token })).toBe(completed);
        expect(await refused(409, "POST", `${STACK_PATH}/update/${notStarted}/cancel`, { token })).toBe(
          "Conflict: The Update has not started",
        );
      }),
    );
    expect(events).toEqual([]);
  });

  it("of an unknown update, another stack's update, or on an unknown stack is 404", async () => {
    await newStack(token, "web", "prod");
    const other = await startUpdate(token, { stack: "web/prod" });
    const over = await startUpdate(token);
    await ok("POST", `${over.path}/complete`, { lease: over.lease, json: { status: "succeeded" } });
    const cancel = (stack: string, id: string) => refused(404, "POST", `/api/stacks/acme/web/${stack}/update/${id}/cancel`, { token });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await cancel("dev", "none")).toBe("Not Found: Update 'none' not found");
        expect(await cancel("dev", other.id)).toBe(`Not Found: Update '${other.id}' not found`);
        expect(await cancel("prod", over.id)).toBe(`Not Found: Update '${over.id}' not found`);
        expect(await cancel("none", over.id)).toBe("Not Found: Stack 'acme/web/none' not found");
      }),
    );
    expect(events).toEqual([]);
    expect(await ok("GET", other.path, { token })).toMatchObject({ status: "running" });
  });

  it("a preview leaves the update beside it alone", async () => {
    const update = await startUpdate(token);
    const preview = await startUpdate(token, { dryRun: true });
    await ok("POST", `${preview.path}/cancel`, { token });
    expect(await stack()).toMatchObject({ activeUpdate: update.id, currentOperation: { kind: "update" } });
    expect((await complete(update)).status).toBe(204);
  });

  it("and completing at the same time: one wins, and the stack is free", async () => {
    for (let round = 0; round < 10; round++) {
      const update = await startUpdate(token);
      const [done, cancelled] = await Promise.all([complete(update), call("POST", `${update.path}/cancel`, { token })]);
      expect([done.status, cancelled.status].sort((a, b) => a - b)).toEqual([204, 409]);
      expect(await stack()).not.toHaveProperty("currentOperation");
    }
  });
});

describe("a lease that is not good is 403 and never 401:", () => {
  const calls = [
    ["POST", "renew_lease", { duration: 300 }],
    ["POST", "complete", { status: "succeeded" }],
    ["PATCH", "journalentries", { entries: creates(component("a")) }],
    ["PATCH", "checkpoint", { isInvalid: false, ...deploymentOf([]) }],
    ["POST", "events/batch", { events: [{ sequence: 0, timestamp: 0 }] }],
  ] as const;

  it.each(calls)("%s %s", async (method, verb, json) => {
    await newStack(token, "web", "prod");
    const update = await startUpdate(token);
    const other = await startUpdate(token, { stack: "web/prod" });
    const preview = await startUpdate(token, { dryRun: true });
    const [payload, signature] = update.lease.split(".") as [string, string];
    const coordinator = JSON.parse(atob(payload)) as [string, string];
    const leases = {
      "of another stack's update": other.lease,
      "of a preview beside it": preview.lease,
      "signed by someone else": await signLease(["guessed"], { coordinator: coordinator[0], updateId: update.id }),
      "with a signature of another": `${payload}.${other.lease.split(".")[1]}`,
      "with a changed payload": `${btoa(JSON.stringify([coordinator[0], update.id, "x"]))}.${signature}`,
      "without a signature": payload,
      "that is garbage": "§§§.%%%",
      "that is empty": "",
      "that is an access token": token,
    };
    for (const [which, lease] of Object.entries(leases)) {
      const credential = which === "that is garbage" ? { headers: { Authorization: "update-token garbage.garbage" } } : { lease };
      expect(await refused(403, method, `${update.path}/${verb}`, { ...credential, json }), which).toBe(
        "The provided update token has expired.",
      );
    }
    await refused(403, method, `${update.path}/${verb}`, { token, json });
    await refused(403, method, `${update.path}/${verb}`, { json });
    expect(await ok("GET", update.path, { token })).toEqual({ status: "running", events: [] });
    await complete(update);
    expect(await urns()).toEqual([]);
  });

  it("one whose time is over", async () => {
    const update = await startUpdate(token);
    laterBy(331_000);
    for (const [method, verb, json] of calls) {
      if (verb === "complete") continue;
      expect(await refused(403, method, `${update.path}/${verb}`, { lease: update.lease, json })).toBe(
        "The provided update token has expired.",
      );
    }
  });

  it("and the log does not give a machine the name of a person who has the organization's name", async () => {
    await env.DB.prepare("UPDATE users SET login = 'acme', name = 'Acme Adams' WHERE login = 'mel'").run();
    const update = await startUpdate((await newOrgToken(world, "ci")).tokenValue);
    await complete(update);
    laterBy(400_000);
    const events = await eventsOf(() => refused(403, "POST", `${update.path}/renew_lease`, { lease: update.lease, json: {} }));
    expect(events).toMatchObject([{ event: "auth-failure-stack-permission", userLogin: "acme", userName: "acme", tokenName: "ci" }]);
  });

  it("access to the stack is not needed any more: the lease stays valid when the token that started the update is deleted", async () => {
    const ci = await newOrgToken(world, "ci");
    const update = await startUpdate(ci.tokenValue);
    await ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    expect((await journal(update, creates(component("a")))).status).toBe(204);
    expect((await complete(update)).status).toBe(204);
    expect(await urns()).toEqual(["a"]);
  });
});

describe("renewing", () => {
  it("moves the end, and the token stays the same", async () => {
    const update = await startUpdate(token);
    laterBy(290_000);
    const renewed = await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { token: "", duration: 300 } });
    expect(renewed).toEqual({ token: update.lease, tokenExpiration: Math.floor((Date.now() + 300_000) / 1000) });
    laterBy(290_000);
    expect((await journal(update, creates(component("a")))).status).toBe(204);
  });

  it.each([-1, 301, 1e9])("by %i seconds is refused", async (duration) => {
    const update = await startUpdate(token);
    const message = await refused(400, "POST", `${update.path}/renew_lease`, { lease: update.lease, json: { duration } });
    expect(message).toBe("Renewal duration must be between 0 and 300 seconds");
  });
});

it("notes who runs what, and nothing of the run is left in the database", async () => {
  const update = await startUpdate(token);
  await complete(update);
  expect(await env.DB.prepare("SELECT running_update FROM stacks").first("running_update")).toBeNull();
});

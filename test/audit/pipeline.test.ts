import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { settledLog } from "../support/audit.ts";
import { eventually } from "../support/clock.ts";
import { ok } from "../support/client.ts";
import { batchesNotTaken, breakDatabase, breakQueue } from "../support/faults.ts";
import { objectKeys } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const bindings = env as Bindings;
const outbox = async () =>
  (await env.DB.prepare("SELECT id, body FROM audit_outbox ORDER BY seq").all<{ id: string; body: string }>()).results;
/** Late deliveries from the world of an earlier test do not count. */
const logged = async () => {
  const { results } = await env.DB.prepare("SELECT id FROM audit_events WHERE org_id IN (SELECT id FROM organizations)").all<{
    id: string;
  }>();
  return results.map((row) => row.id);
};

/** Events in the outbox that could not be sent. */
async function waitingEvents(count: number): Promise<{ id: string; body: string }[]> {
  const repair = breakQueue();
  for (let i = 0; i < count; i++) await newOrgToken(world, `ci-${i}`);
  // Each event was sent, and the queue did not take it.
  await eventually(async () => expect(batchesNotTaken()).toBe(count));
  repair();
  return outbox();
}

const messagesOf = (messages: { id: string; body: string }[], attempts = 1) =>
  createMessageBatch(
    "stackpass-audit",
    messages.map((message) => ({ ...message, timestamp: new Date(), attempts })),
  );

async function deliver(messages: { id: string; body: string }[]) {
  const batch = messagesOf(messages);
  await worker.queue(batch, bindings);
  return getQueueResult(batch, createExecutionContext());
}

describe("an event", () => {
  it("goes from the change through outbox and queue into the log, once", async () => {
    await newOrgToken(world, "ci");
    await newStack(world.member);
    const log = await settledLog();
    expect(log.map((event) => event.event)).toEqual(["organization-token-created", "stack-created"]);
    await eventually(async () => expect(await outbox()).toEqual([]));
  });

  it("is written once, however often and in whatever order it is delivered", async () => {
    const events = await waitingEvents(5);
    const twice = [...events, ...events.toReversed()].map((event, i) => ({ id: `m-${i}`, body: event.body }));
    for (let i = 0; i < 3; i++) expect((await deliver(twice)).explicitAcks).toHaveLength(10);
    expect((await logged()).sort()).toEqual(events.map((event) => event.id).sort());
  });

  it("says when it happened, not when it was written", async () => {
    const [event] = await waitingEvents(1);
    const { at } = JSON.parse(event!.body) as { at: number };
    await scheduler.wait(30);
    await deliver([{ id: "m", body: event!.body }]);
    expect(await env.DB.prepare("SELECT at FROM audit_events WHERE id = ?").bind(event!.id).first("at")).toBe(at);
  });

  it("does not stop the change that it records when the queue accepts nothing", async () => {
    const events = await waitingEvents(3);
    expect(events).toHaveLength(3);
    const { tokens } = await ok<{ tokens: unknown[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
    expect(tokens).toHaveLength(3);
  });
});

describe("the consumer", () => {
  it("retries what it cannot read, and writes its neighbours", async () => {
    const [event] = await waitingEvents(1);
    const poison = ["not json", "{}", "null", JSON.stringify({ ...(JSON.parse(event!.body) as object), at: "yesterday" })];
    const result = await deliver([...poison.map((body, i) => ({ id: `bad-${i}`, body })), { id: "good", body: event!.body }]);
    expect(result.explicitAcks).toEqual(["good"]);
    expect(result.retryMessages.map((message) => message.msgId)).toEqual(["bad-0", "bad-1", "bad-2", "bad-3"]);
    expect(await logged()).toEqual([event!.id]);
  });

  it("retries everything when the log cannot be written, later each time", async () => {
    const events = await waitingEvents(2);
    const repair = breakDatabase();
    for (const [attempts, delaySeconds] of [
      [1, 2],
      [3, 8],
      [20, 300],
    ] as const) {
      const batch = messagesOf(events, attempts);
      const retries = batch.messages.map((message) => vi.spyOn(message, "retry"));
      await worker.queue(batch, bindings);
      for (const retry of retries) expect(retry.mock.calls).toEqual([[{ delaySeconds }]]);
    }
    repair();
    await deliver(events);
    expect(await logged()).toHaveLength(2);
  });

  it("takes a hundred events at once", async () => {
    const [event] = await waitingEvents(1);
    const many = Array.from({ length: 100 }, (_, i) => ({
      id: `m-${i}`,
      body: JSON.stringify({ ...(JSON.parse(event!.body) as object), id: `e-${i}` }),
    }));
    expect((await deliver(many)).explicitAcks).toHaveLength(100);
    expect(await logged()).toHaveLength(100);
  });
});

it("keeps an unreadable message as a dead letter", async () => {
  await env.AUDIT.send("poison", { contentType: "text" });
  const keys = await eventually(async () => {
    const found = (await objectKeys()).filter((key) => key.startsWith("audit/dead-letters/"));
    expect(found).toHaveLength(1);
    return found;
  });
  expect(keys[0]).toMatch(/^audit\/dead-letters\/\d{4}-\d\d-\d\d\/[^/]+\.json$/);
  expect(await (await env.STATE.get(keys[0]!))?.text()).toBe("poison");
  expect(await logged()).toEqual([]);
});

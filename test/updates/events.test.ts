import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { laterBy } from "../support/clock.ts";
import { ok } from "../support/client.ts";
import { type RunningUpdate, type World, gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
});

/** Text that gzip cannot make small. */
const noise = (bytes: number) => {
  let text = "";
  while (text.length < bytes) text += btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(3000))));
  return text;
};
const large = () => ({ sequence: 0, timestamp: 1, stdoutEvent: { message: noise(200_000), color: "raw" } });
const summary = { sequence: 1, timestamp: 1, summaryEvent: { resourceChanges: { create: 3 }, isPreview: false } };

const send = (update: RunningUpdate, body: Uint8Array) =>
  ok("POST", `${update.path}/events/batch`, { lease: update.lease, body, headers: { "Content-Encoding": "gzip" } });
const complete = (update: RunningUpdate) => ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });

async function forget(): Promise<void> {
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const { STACKS } = env as Bindings;
  laterBy(16 * 60_000);
  expect(await runDurableObjectAlarm(STACKS.get(STACKS.idFromName(`${orgId}/web/dev`)))).toBe(true);
}

it("that come in a large batch give the history its figures all the same", async () => {
  const update = await startUpdate(world.member);
  await send(update, await gzip(JSON.stringify({ events: [large(), summary] })));
  await complete(update);
  const { updates } = await ok<{ updates: unknown[] }>("GET", "/api/stacks/acme/web/dev/updates", { token: world.member });
  expect(updates).toMatchObject([{ resourceChanges: { create: 3 } }]);
});

it("are kept in R2 when their update is forgotten, and what cannot be read is left out", async () => {
  const update = await startUpdate(world.member);
  const first = large();
  await send(update, await gzip(JSON.stringify({ events: [first] })));
  await send(update, await gzip(`{"events":[${noise(200_000)}`));
  await send(update, await gzip(JSON.stringify({ events: [summary] }, null, 2)));
  await complete(update);
  await forget();
  const kept = await (await env.STATE.get(`events/${update.id}.jsonl`))?.text();
  expect(
    kept
      ?.trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([{ events: [first] }, { events: [summary] }]);
});

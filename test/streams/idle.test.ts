import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { wakeIdle } from "../../src/streams/wakeLagging.ts";
import type { Stream } from "../../src/streams/openapi.ts";
import { settledLog } from "../support/audit.ts";
import { call, ok } from "../support/client.ts";
import { eventually } from "../support/clock.ts";
import { type World, newWorld } from "../support/world.ts";
import {
  type Kind,
  Receiver,
  STREAMS,
  asleep,
  bindings,
  destinations,
  newStream,
  reachable,
  rowOf,
  step,
  written,
} from "./support/receiver.ts";

let world: World;
let receiver: Receiver;
beforeEach(async () => {
  world = await newWorld();
  receiver = new Receiver(9110);
  reachable(receiver);
});

const kinds = Object.keys(destinations) as Kind[];
const get = (id: string) => ok<Stream>("GET", `${STREAMS}/${id}`, { token: world.admin });
/** A stream that has sent everything a day ago. */
async function idleStream(kind: Kind): Promise<string> {
  const { id } = await newStream(world, kind, receiver, { from: "now" });
  await written();
  while ((await step(id)) !== "idle");
  await aged(id);
  receiver.requests.length = 0;
  return id;
}
const aged = (id: string, column = "last_success_at") =>
  env.DB.prepare(`UPDATE audit_streams SET ${column} = ${column} - 86400000 WHERE id = ?`).bind(id).run();

describe("an idle stream", () => {
  beforeEach(asleep);

  it.each(kinds)("to %s checks its destination once in a day, and its cursor stays", async (kind) => {
    const id = await idleStream(kind);
    const before = await rowOf(id);
    const log = (await settledLog()).length;
    expect(await step(id)).toBe("idle");
    expect(receiver.requests).toHaveLength(1);
    const [request] = receiver.requests;
    if (kind === "s3") expect(new URL(request!.url).pathname).toBe("/audit-log/logs/.stackpass-check");
    else {
      const record = receiver.taken.at(-1)!;
      expect(record).toMatchObject({ event: "audit-stream-tested" });
      expect(record.seq).toBeUndefined();
    }
    const after = await rowOf(id);
    expect(after).toMatchObject({ delivered_through: before!["delivered_through"], failing_since: null, failures: 0 });
    expect(Number(after!["last_success_at"])).toBeGreaterThan(Number(before!["last_success_at"]));
    // The check adds no record to the log: that record would be sent, and the stream would not be idle.
    expect(await settledLog()).toHaveLength(log);
    await step(id);
    expect(receiver.requests).toHaveLength(1);
  });

  it("whose destination is broken fails like any other, is paused after a day, and recovers", async () => {
    const id = await idleStream("splunk");
    receiver.mood = async () => new Response("", { status: 403 });
    expect(await step(id)).toBeGreaterThan(1000);
    expect((await get(id)).failing).toMatchObject({ failures: 1, error: "The destination refused the credential (status 403)." });
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0").run();
    // The stream tries again, although the first attempt was made a moment ago.
    await step(id);
    expect((await get(id)).failing).toMatchObject({ failures: 2 });
    receiver.mood = (take) => take();
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0").run();
    expect(await step(id)).toBe("idle");
    expect((await get(id)).failing).toBeUndefined();

    await aged(id);
    receiver.mood = async () => new Response("", { status: 403 });
    await step(id);
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0, failures = 50, failing_since = failing_since - 86400000").run();
    await step(id);
    expect(await get(id)).toMatchObject({ paused: { reason: "failing" } });
    await eventually(async () => expect((await settledLog()).at(-1)).toMatchObject({ event: "audit-stream-paused", userLogin: "" }));
  });

  it("is checked by nobody while it is paused, was deleted, or has sent something within a day", async () => {
    const paused = await idleStream("https");
    await ok("POST", `${STREAMS}/${paused}/pause`, { token: world.admin });
    expect(await step(paused)).toBe("idle");
    expect((await call("DELETE", `${STREAMS}/${paused}`, { token: world.admin })).status).toBe(204);
    expect(await step(paused)).toBe("gone");
    expect(receiver.requests).toHaveLength(0);
    const { id: young } = await newStream(world, "https", receiver, { name: "young", from: "now" });
    await written();
    while ((await step(young)) !== "idle");
    expect(await wakeIdle(bindings, Date.now())).toBe(0);
    await ok("POST", `${STREAMS}/${young}/pause`, { token: world.admin });
    await aged(young);
    expect(await wakeIdle(bindings, Date.now())).toBe(0);
  });

  it("that has never sent anything is checked a day after it was created", async () => {
    const { id } = await newStream(world, "s3", receiver);
    await written();
    await env.DB.batch([
      env.DB.prepare("UPDATE audit_streams SET delivered_through = 1000000"),
      env.DB.prepare("UPDATE audit_streams SET last_success_at = NULL"),
    ]);
    await step(id);
    expect(receiver.requests).toHaveLength(0);
    await aged(id, "created_at");
    await step(id);
    expect(receiver.requests).toHaveLength(1);
  });

  it("waits for its turn when there are many", async () => {
    const id = await idleStream("s3");
    await env.DB.batch(
      Array.from({ length: 60 }, (_, i) =>
        env.DB.prepare(
          `INSERT INTO audit_streams SELECT 'many-${i}', org_id, 'many ${i}', format, destination, credentials, host, delivered_through,
            checkpoint_day, version, created_at, modified_at, made_with, last_success_at - 1000, failing_since, failures, retry_at, error,
            paused_at, paused_for FROM audit_streams WHERE id = ?`,
        ).bind(id),
      ),
    );
    const woken = vi.spyOn(bindings.STREAMS, "idFromName");
    expect(await wakeIdle(bindings, Date.now())).toBe(50);
    // The streams that have waited longest come first.
    expect(woken.mock.calls.flat()).not.toContain(id);
    woken.mockRestore();
  });
});

describe("the cron", () => {
  it("wakes an idle stream, whose object makes the check", async () => {
    const { id } = await newStream(world, "s3", receiver, { from: "now" });
    await written();
    await eventually(async () => expect((await rowOf(id))?.["last_success_at"]).not.toBeNull());
    await eventually(async () => expect((await get(id)).lag.records).toBe(0));
    await aged(id);
    receiver.requests.length = 0;
    expect(await wakeIdle(bindings, Date.now())).toBe(1);
    await eventually(async () =>
      expect(receiver.requests.map(({ url }) => new URL(url).pathname)).toEqual(["/audit-log/logs/.stackpass-check"]),
    );
    await eventually(async () => expect(Number((await rowOf(id))!["last_success_at"])).toBeGreaterThan(Date.now() - 60_000));
  });
});

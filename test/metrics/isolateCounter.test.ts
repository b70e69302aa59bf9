import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/db/client.ts";
import { increment } from "../../src/metrics/increment.ts";
import { isolateCounter } from "../../src/metrics/isolateCounter.ts";
import { metrics } from "../../src/metrics/table.ts";
import { breakDatabase } from "../support/faults.ts";

const store = () => openStore(env);
const ctx = { now: 0, store: { place: 1 }, background: () => undefined };
/** Writes its counts as refusals by reason. A key that begins with `bad` has a statement that always fails. */
const newCounter = (written: string[] = []) =>
  isolateCounter<{ key: string; count: number }>("counts", {
    merge: (one, other) => ({ key: one.key, count: one.count + other.count }),
    statements: (where, key, { count }) => [
      key.startsWith("bad")
        ? where.db.insert(metrics).select(sql`SELECT 'refusals', json('{'), 1`)
        : increment(where, "refusals", key, count),
    ],
    written: ({ key, count }) => void written.push(`${key} ${count}`),
  });
const counted = async () =>
  Object.fromEntries(
    (
      await env.DB.prepare("SELECT label, value FROM measures WHERE name = 'refusals' ORDER BY label").all<{
        label: string;
        value: number;
      }>()
    ).results.map(({ label, value }) => [label, value]),
  );

beforeEach(() => env.DB.exec("DELETE FROM measures"));

describe("a counter of an isolate", () => {
  it("writes what it has counted, once", async () => {
    const written: string[] = [];
    const counter = newCounter(written);
    for (const key of ["a", "b", "a", "a"]) counter.count(ctx, key, { key, count: 1 });
    await counter.flush(store());
    await counter.flush(store());
    expect(await counted()).toEqual({ a: 3, b: 1 });
    expect(written).toEqual(["a 3", "b 1"]);
  });

  it("keeps its counts while the database is away, and adds to them", async () => {
    const counter = newCounter();
    for (const key of ["a", "b", "c", "d", "e"]) counter.count(ctx, key, { key, count: 1 });
    const mend = breakDatabase();
    for (let i = 0; i < 10; i++) {
      await expect(counter.flush(store())).rejects.toThrow("Service Unavailable");
      counter.count(ctx, "a", { key: "a", count: 1 });
    }
    mend();
    await counter.flush(store());
    expect(await counted()).toEqual({ a: 11, b: 1, c: 1, d: 1, e: 1 });
  });

  it("loses no count because another one cannot be written", async () => {
    const counter = newCounter();
    for (const key of ["a", "bad", "b"]) counter.count(ctx, key, { key, count: 1 });
    await expect(counter.flush(store())).rejects.toThrow();
    expect(await counted()).toEqual({ a: 1, b: 1 });
    // A count that cannot be written is tried once more together with others, and then dropped.
    counter.count(ctx, "a", { key: "a", count: 1 });
    await expect(counter.flush(store())).rejects.toThrow();
    counter.count(ctx, "a", { key: "a", count: 1 });
    await counter.flush(store());
    expect(await counted()).toEqual({ a: 3, b: 1 });
  });

  it("is not stopped by several of them that come first", async () => {
    const counter = newCounter();
    for (const key of ["bad 1", "bad 2", "bad 3", "bad 4", "a", "b"]) counter.count(ctx, key, { key, count: 1 });
    for (let i = 0; i < 5; i++) await counter.flush(store()).catch(() => undefined);
    expect(await counted()).toEqual({ a: 1, b: 1 });
  });

  it("writes the counts of some keys when asked for them alone", async () => {
    const counter = newCounter();
    for (const key of ["a", "b"]) counter.count(ctx, key, { key, count: 1 });
    await counter.flush(store(), (key) => key === "a");
    expect(await counted()).toEqual({ a: 1 });
    await counter.flush(store());
    expect(await counted()).toEqual({ a: 1, b: 1 });
  });
});

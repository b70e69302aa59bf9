import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { batch, openStore } from "../../src/db/client.ts";
import { sweeps } from "../../src/updates/table.ts";
import { call, ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

const insert = (cursor: string) => {
  const store = openStore(env);
  return batch(store, [store.db.insert(sweeps).values({ name: "x", cursor })]);
};
const status413 = { status: 413, reason: "too_large" };

describe("what is too large for the database", () => {
  it.each([
    ["a value", () => insert("x".repeat(1_900_001))],
    ["a value of few characters and many bytes", () => insert("字".repeat(633_334))],
    [
      "the values of one row together",
      () => {
        const store = openStore(env);
        return batch(store, [store.db.insert(sweeps).values({ name: "n".repeat(1_000_000), cursor: "c".repeat(1_000_000) })]);
      },
    ],
    [
      "a statement",
      () => {
        const store = openStore(env);
        return batch(store, [store.db.select({ one: sql.raw(`'${"x".repeat(100_001)}'`) }).from(sweeps)]);
      },
    ],
    [
      "a list of 101 parameters",
      () => {
        const store = openStore(env);
        const names = sql.join(
          Array.from({ length: 101 }, (_, i) => sql`${i}`),
          sql`, `,
        );
        return batch(store, [
          store.db
            .select()
            .from(sweeps)
            .where(sql`name IN (${names})`),
        ]);
      },
    ],
    [
      "a text that SQL puts together",
      () => {
        const store = openStore(env);
        const text = "x".repeat(1_000_000);
        return batch(store, [
          store.db.insert(sweeps).values({ name: "x", cursor: text }),
          store.db.update(sweeps).set({ cursor: sql`cursor || cursor || ${"y"}` }),
        ]);
      },
    ],
  ])("%s is refused as too large, and not as an outage", async (_, work) => {
    await expect(work()).rejects.toMatchObject(status413);
  });

  it("does not include a value just below the limit", async () => {
    await insert("x".repeat(1_899_000));
  });
});

describe("the simulator in these tests", () => {
  it.each([
    ["a value", () => env.DB.prepare("SELECT ?").bind("x".repeat(2_000_001)).run()],
    ["a value of a session", () => env.DB.withSession().prepare("SELECT ?").bind("字".repeat(700_000)).run()],
    ["a statement", () => env.DB.prepare(`SELECT '${"x".repeat(100_000)}'`).run()],
    [
      "parameters",
      () =>
        env.DB.prepare(`SELECT ${"?,".repeat(100)}?`)
          .bind(...Array.from({ length: 101 }, () => 1))
          .run(),
    ],
    [
      "a row",
      () => env.DB.prepare("INSERT INTO sweeps (name, cursor) VALUES (?, ?)").bind("n".repeat(1_100_000), "c".repeat(1_100_000)).run(),
    ],
  ])("has D1's limits: %s", async (_, work) => {
    await expect((async () => work())()).rejects.toThrow(/too big|too long|too many/);
  });
});

describe("a request that would store more than the database takes", () => {
  let world: World;
  beforeEach(async () => {
    world = await newWorld();
    await newStack(world.member);
  });

  it.each([
    ["tags", "PATCH", "/tags", { long: "字".repeat(700_000) }],
    ["a start", "POST", "/update", { metadata: { message: "字".repeat(700_000) } }],
    ["a rename of tags", "PATCH", "/tags", Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`t${i}`, "x".repeat(100)]))],
  ])("is refused and changes nothing: %s", async (_, method, path, json) => {
    await changesNothing(async () => {
      const { status } = await call(method, `/api/stacks/acme/web/dev${path}`, { token: world.member, json });
      expect([400, 413]).toContain(status);
    });
    await ok("GET", "/api/stacks/acme/web/dev", { token: world.member });
  });
});

import { env } from "cloudflare:workers";
import { expect, it, onTestFinished, vi } from "vitest";
import { call, ok } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { breakCache, breakDatabase, breakObjectReads } from "../support/faults.ts";

interface Health {
  status: string;
  checks: Record<string, string>;
}

const good = { database: "ok", migrations: "ok", objects: "ok", stacks: "ok", secrets: "ok", cache: "ok", queue: "ok" };

/** A moment of its own for each test: an answer is given again for some seconds. */
let moments = 0;
const atAnotherMoment = () => laterBy(++moments * 100_000);

async function health(): Promise<{ status: number; body: Health & { code?: number; message?: string } }> {
  const response = await call("GET", "/healthz");
  return { status: response.status, body: await response.json() };
}

function set(name: "TOKEN_PEPPER" | "ENCRYPTION_KEYS" | "OPERATOR_TOKEN" | "LEAK_SCANNER_SECRET", value: string) {
  const before = env[name];
  Object.assign(env, { [name]: value });
  onTestFinished(() => void Object.assign(env, { [name]: before }));
}

it("is ready when everything answers", async () => {
  atAnotherMoment();
  expect(await health()).toEqual({ status: 200, body: { status: "ok", checks: good } });
});

it.each<[failed: string[], fault: () => unknown]>([
  [["database", "migrations"], breakDatabase],
  [["migrations"], () => env.DB.exec("DELETE FROM d1_migrations WHERE id = (SELECT max(id) FROM d1_migrations)")],
  [["migrations"], () => env.DB.exec("DROP TABLE d1_migrations")],
  [["objects"], () => vi.spyOn(env.STATE, "head").mockRejectedValue(new Error("head: Unspecified error (0)"))],
  [["stacks"], () => vi.spyOn(env.STACKS, "get").mockReturnValue({ ping: () => Promise.reject(new Error("no object")) } as never)],
  [["secrets"], () => set("TOKEN_PEPPER", "")],
  [["secrets"], () => set("TOKEN_PEPPER", "short")],
  [["secrets"], () => set("TOKEN_PEPPER", `${env.TOKEN_PEPPER},${"x".repeat(31)}`)],
  [["secrets"], () => set("LEAK_SCANNER_SECRET", "x".repeat(31))],
  [["secrets"], () => set("ENCRYPTION_KEYS", "1:AAAA")],
  [["secrets"], () => set("ENCRYPTION_KEYS", "not base64 at all!")],
  [["secrets"], () => set("OPERATOR_TOKEN", "short")],
])("is not ready without %s, and says no more than that", async (failed, fault) => {
  onTestFinished(() => void vi.restoreAllMocks());
  await fault();
  atAnotherMoment();
  const { status, body } = await health();
  expect(status).toBe(503);
  const checks = { ...good, ...Object.fromEntries(failed.map((name) => [name, "failed"])) };
  expect(body).toEqual({ code: 503, message: "Service Unavailable: not ready", status: "failed", checks });
});

it("goes on without the cache and the queue, and says so", async () => {
  breakCache();
  atAnotherMoment();
  expect(await health()).toEqual({ status: 200, body: { status: "degraded", checks: { ...good, cache: "failed" } } });
  vi.spyOn(env.AUDIT, "metrics").mockRejectedValue(new Error("no queue"));
  onTestFinished(() => void vi.restoreAllMocks());
  atAnotherMoment();
  expect((await health()).body.checks).toMatchObject({ cache: "failed", queue: "failed" });
});

it("does not wait for what hangs", async () => {
  vi.spyOn(env.STATE, "head").mockImplementation(() => new Promise(() => undefined));
  onTestFinished(() => void vi.restoreAllMocks());
  atAnotherMoment();
  const began = performance.now();
  expect((await health()).body.checks).toEqual({ ...good, objects: "failed" });
  expect(performance.now() - began).toBeLessThan(10_000);
});

it("asks the storage once for any number of questions in five seconds", async () => {
  const head = vi.spyOn(env.STATE, "head");
  onTestFinished(() => void vi.restoreAllMocks());
  atAnotherMoment();
  await ok("GET", "/healthz");
  expect(head).toHaveBeenCalledTimes(1);
  const mend = breakObjectReads();
  for (let i = 0; i < 100; i++) await ok("GET", "/healthz");
  mend();
  expect(head).toHaveBeenCalledTimes(1);
  laterBy(6000);
  await ok("GET", "/healthz");
  expect(head).toHaveBeenCalledTimes(2);
});

import { env } from "cloudflare:workers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { logSettingFaults } from "../../src/settings.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { breakCache, breakDatabase, breakObjectReads } from "../support/faults.ts";
import { newWorld } from "../support/world.ts";

interface Health {
  status: string;
  checks: Record<string, string>;
}

const good = { database: "ok", migrations: "ok", objects: "ok", stacks: "ok", secrets: "ok", settings: "ok", cache: "ok", queue: "ok" };

/** Each test uses a time of its own, because an answer is reused for some seconds. */
let moments = 0;
const atAnotherMoment = () => laterBy(++moments * 100_000);

async function health(): Promise<{ status: number; body: Health & { code?: number; message?: string } }> {
  const response = await call("GET", "/healthz");
  return { status: response.status, body: await response.json() };
}

function set(name: string, value: unknown) {
  const vars = env as unknown as Record<string, unknown>;
  const before = vars[name];
  const was = name in vars;
  vars[name] = value;
  onTestFinished(() => void (was ? (vars[name] = before) : delete vars[name]));
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

it.each(["", "short", `${"x".repeat(40)},short`])("serves nothing but its health with the pepper %o", async (pepper) => {
  set("TOKEN_PEPPER", pepper);
  const answer = await call("GET", "/api/user", { token: "no-token" });
  expect([answer.status, await answer.json()]).toEqual([503, { code: 503, message: expect.stringContaining("at least 32 characters") }]);
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
  expect((await health()).body.checks).toEqual({ ...good, objects: "failed" });
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

describe("a setting that is not valid", () => {
  const bytes = (variable: string, most: number) => `${variable} must be a whole number of bytes from 1 to ${most}.`;

  it.each<[name: string, value: unknown, sentence: string]>([
    ["MAX_BATCH_BYTES", "134217729", bytes("MAX_BATCH_BYTES", 134217728)],
    ["MAX_JSON_BYTES", "many", bytes("MAX_JSON_BYTES", 134217728)],
    ["MAX_JSON_BYTES", "4 MiB", bytes("MAX_JSON_BYTES", 134217728)],
    ["MAX_JSON_BYTES", "0", bytes("MAX_JSON_BYTES", 134217728)],
    ["MAX_JSON_BYTES", "-1", bytes("MAX_JSON_BYTES", 134217728)],
    ["MAX_JSON_BYTES", "1e6", bytes("MAX_JSON_BYTES", 134217728)],
    ["MAX_IMPORT_BYTES", "9007199254740993", bytes("MAX_IMPORT_BYTES", 8589934592)],
    ["MAX_VALUE_BYTES", 1.5, bytes("MAX_VALUE_BYTES", 67108864)],
    ["MAX_VALUES_BYTES", "1", "There is no setting MAX_VALUES_BYTES."],
    ["LEASE_SECONDS", "five minutes", "LEASE_SECONDS must be a whole number of seconds from 1 to 86400."],
    ["SIGNING_KEY_DAYS", "0", "SIGNING_KEY_DAYS must be a whole number of days from 1 to 3650."],
    ["DEFAULT_EDITION", "Team", "DEFAULT_EDITION must be one of community, team, enterprise, business-critical."],
  ])("is named with a sentence at /healthz and in every other answer: %s %s", async (name, value, sentence) => {
    const { member } = await newWorld();
    set(name, value);
    atAnotherMoment();
    const { status, body } = await health();
    expect([status, body]).toEqual([503, expect.objectContaining({ checks: { ...good, settings: "failed" }, settings: [sentence] })]);
    const expected = `Service Unavailable: a setting of this server is not valid: ${sentence}`;
    expect(await refused(503, "GET", "/api/user", { token: member })).toBe(expected);
    expect(await refused(503, "POST", "/api/stacks/acme/web", { token: member, json: { stackName: "dev" } })).toBe(expected);
  });

  it("is in the log once, when an isolate does its first work", () => {
    const lines: unknown[] = [];
    const spy = vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    onTestFinished(() => spy.mockRestore());
    const wrong = { ...env, MAX_JSON_BYTES: "many", LEASE_SECONDS: "0" } as never;
    logSettingFaults(wrong);
    logSettingFaults(wrong);
    logSettingFaults({ ...env } as never);
    expect(lines.map((line) => JSON.parse(String(line)) as unknown)).toEqual([
      { message: "setting not valid", error: bytes("MAX_JSON_BYTES", 134217728) },
      { message: "setting not valid", error: "LEASE_SECONDS must be a whole number of seconds from 1 to 86400." },
    ]);
  });

  it("is not an empty variable, nor a number at its bounds", async () => {
    for (const [name, value] of Object.entries({
      MAX_JSON_BYTES: "",
      LEASE_SECONDS: "",
      DEFAULT_EDITION: "",
      MAX_BATCH_BYTES: "134217728",
    }))
      set(name, value);
    atAnotherMoment();
    expect((await health()).status).toBe(200);
  });
});

import { env, exports } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { runCron } from "../../src/app/cron.ts";
import type { Bindings } from "../../src/env.ts";
import { scrub } from "../../src/log.ts";
import { coordinatorName } from "../../src/stacks/path.ts";
import { call, ok } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { breakObjectReads } from "../support/faults.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

type Line = Record<string, unknown> & { message: string };

let world: World;
let printed: string[];
beforeEach(async () => {
  world = await newWorld();
  printed = [];
  for (const method of ["log", "error"] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void printed.push(args.join(" ")));
    onTestFinished(() => spy.mockRestore());
  }
});

/** Every line of that kind so far; each must be one JSON object on one line. */
const lines = (message: string) =>
  printed.map((text) => JSON.parse(text) as Line).filter((line) => line.message === message && !text(line).includes("\n"));
const text = (line: Line) => JSON.stringify(line);
const lineOf = async (request: Promise<Response>) => {
  const id = (await request).headers.get("X-Pulumi-Request-ID");
  const [line, ...others] = lines("request").filter(({ requestId }) => requestId === id);
  expect(others).toEqual([]);
  return line!;
};

const orgId = () => env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");

describe("a request", () => {
  it("is one line that names no name, no header and no body", async () => {
    const { id, tokenValue: token } = await newOrgToken(world, "ci");
    await newStack(token, "hush-project", "hush-stack");
    printed = [];
    const path = "/api/stacks/acme/hush-project/hush-stack/encrypt";
    const headers = { "User-Agent": "hush-agent", "CF-Connecting-IP": "203.0.113.77" };
    const request = call("POST", path, { token, json: { plaintext: "aHVzaA==" }, headers, country: "DE" });
    expect(await lineOf(request)).toEqual({
      message: "request",
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      method: "POST",
      route: "/api/stacks/{orgName}/{projectName}/{stackName}/encrypt",
      status: 200,
      organization: await orgId(),
      token: id,
      identity: "cache",
      identityAge: expect.any(Number) as number,
      roundTrips: { d1: 1, kv: 1, r2: 0, object: 0, queue: 0 },
      ms: expect.any(Number) as number,
      country: "DE",
    });
    expect(printed.join("\n")).not.toMatch(/hush|aHVzaA|203\.0\.113|pul-|acme/);
  });

  it("says how old the identity is", async () => {
    const { tokenValue: token } = await newOrgToken(world, "ci");
    expect(await lineOf(call("GET", "/api/user", { token }))).toMatchObject({ identity: "database", identityAge: 0 });
    laterBy(20_000);
    const line = await lineOf(call("GET", "/api/user", { token }));
    expect(line).toMatchObject({ identity: "cache", roundTrips: { d1: 0, kv: 1 } });
    expect(line["identityAge"]).toBeGreaterThanOrEqual(20_000);
  });

  it("under a lease names the update, and counts the object's round trips", async () => {
    await newStack(world.member);
    const { id, lease, path } = await startUpdate(world.member);
    const line = await lineOf(call("POST", `${path}/complete`, { lease, json: { status: "succeeded" } }));
    expect(line).toMatchObject({ update: id, organization: await orgId(), status: 204, roundTrips: { d1: 1, object: 1 } });
    expect(line).not.toHaveProperty("token");
  });

  it.each<[reason: string, status: number, request: (token: string) => Parameters<typeof call>]>([
    ["no_credential", 401, () => ["GET", "/api/user"]],
    ["unknown_credential", 401, () => ["GET", "/api/user", { token: "pul-nobody" }]],
    ["missing_right", 403, (token) => ["POST", "/api/orgs/acme/tokens", { token, json: { name: "x" } }]],
    ["not_found", 404, (token) => ["GET", "/api/stacks/acme/no/such", { token }]],
    ["not_found", 404, () => ["GET", "/api/hush/hush"]],
    ["bad_request", 400, (token) => ["POST", "/api/stacks/acme/web", { token, json: {} }]],
    ["lease_over", 403, (lease) => ["POST", "/api/stacks/acme/web/dev/update/1/renew_lease", { lease, json: {} }]],
  ])("that is refused says why: %s", async (reason, status, request) => {
    const line = await lineOf(call(...request(world.member)));
    expect(line).toMatchObject({ status, reason });
    expect(text(line)).not.toContain("hush");
    // The caller is known, although the call is refused.
    if (reason === "missing_right") expect(line["token"]).toBeTypeOf("string");
  });

  it.each<[what: string, path: string, json: object]>([
    ["makes a stack", "/api/stacks/acme/web", { stackName: "hush" }],
    ["gives a stack a new name", "/api/stacks/acme/web/dev/rename", { newName: "hush" }],
  ])("that %s beyond the limits of its token says that the token was limited", async (_, path, json) => {
    await newStack(world.member);
    const { id, tokenValue: token } = await newOrgToken(world, "ci", { stacks: [{ project: "web", stack: "dev" }] });
    const line = await lineOf(call("POST", path, { token, json }));
    expect(line).toMatchObject({ status: 403, reason: "limited_credential", token: id });
    expect(text(line)).not.toContain("hush");
  });

  it("that streams under a lease which is over says so", async () => {
    await newStack(world.member);
    const { lease, path } = await startUpdate(world.member);
    await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
    laterBy(400_000);
    expect(await lineOf(call("PATCH", `${path}/journalentries`, { lease, json: { entries: [] } }))).toMatchObject({
      status: 403,
      reason: "lease_over",
      roundTrips: { object: 1 },
    });
  });

  it("whose token has ended contains the reason", async () => {
    const { id, tokenValue: token } = await newOrgToken(world, "ci");
    await ok("DELETE", `/api/orgs/acme/tokens/${id}`, { token: world.admin });
    expect(await lineOf(call("GET", "/api/user", { token }))).toMatchObject({ status: 401, reason: "ended_credential" });
  });

  it("that meets a bug leaves the stack behind, and no secret", async () => {
    const secret = `pul-${"0123456789".repeat(4)}`;
    const spy = vi.spyOn(env.ASSETS, "fetch").mockRejectedValue(new Error(`cannot read "my password" of ${secret}\nparams: my password`));
    onTestFinished(() => spy.mockRestore());
    const answer = exports.default.fetch("https://stackpass.test/api/openapi/pulumi-spec.json");
    expect(await lineOf(answer)).toMatchObject({ status: 500, reason: "bug" });
    const [line] = lines("unexpected error");
    expect(line).toMatchObject({ requestId: (await answer).headers.get("X-Pulumi-Request-ID") });
    expect(line!["error"]).toMatch(/^Error: cannot read "…" of …\n +at /);
    expect(await (await answer).text()).not.toContain("password");
  });
});

describe("work without a request", () => {
  it("of the cron is one line, which names what failed", async () => {
    await runCron(env as Bindings, Date.UTC(2030, 0, 1, 12, 1));
    const line = lines("cron").at(-1);
    expect(line).toMatchObject({ failed: [], done: { relay: expect.any(Number) as number } });
    // The cron makes one more call of R2 for each chain that has grown until now and is signed.
    expect((line!["roundTrips"] as { r2: number }).r2).toBeGreaterThanOrEqual(2);
    // Tasks of every hour are neither reported nor recorded in the runs between.
    expect(line!["done"]).not.toHaveProperty("unusedTokens");
    expect(await env.DB.prepare("SELECT label FROM measures WHERE name = 'cron' AND label = 'unusedTokens'").first()).toBeNull();
    await runCron(env as Bindings, Date.UTC(2030, 0, 1, 13, 0));
    expect(lines("cron").at(-1)!["done"]).toHaveProperty("unusedTokens");
    const mend = breakObjectReads();
    const spy = vi.spyOn(env.STATE, "list").mockRejectedValue(new Error("list: Unspecified error (0)"));
    await runCron(env as Bindings, Date.UTC(2030, 0, 1, 12, 2));
    spy.mockRestore();
    mend();
    expect(lines("cron").at(-1)).toMatchObject({ failed: ["sweep"] });
    expect(lines("cron: sweep failed")).toHaveLength(1);
  });

  it("of the queue is one line for a batch", async () => {
    await eventually(async () => expect(lines("queue").length).toBe(0));
    await newOrgToken(world, "ci");
    const line = await eventually(async () => {
      const [first] = lines("queue").filter((line) => line["queue"] === "stackpass-audit");
      expect(first).toBeDefined();
      return first;
    });
    expect(line).toMatchObject({ retried: 0, roundTrips: { d1: expect.any(Number) as number } });
  });

  it("of a stack's alarm is one line", async () => {
    await newStack(world.member);
    const update = await startUpdate(world.member);
    laterBy(10 * 60_000);
    const stub = env.STACKS.get(env.STACKS.idFromName(coordinatorName((await orgId())!, { projectName: "web", stackName: "dev" })));
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(lines("alarm")).toEqual([
      expect.objectContaining({ updates: { [update.id]: "ended" }, roundTrips: expect.objectContaining({ d1: 1 }) as object }),
    ]);
  });
});

it("removes possible secrets from an error, and keeps the rest", () => {
  expect(scrub(`SyntaxError: Unexpected token 'h', "hunter2 is it" is not valid JSON\n    at JSON.parse (<anonymous>)`)).toBe(
    `SyntaxError: Unexpected token 'h', "…" is not valid JSON\n    at JSON.parse (<anonymous>)`,
  );
  expect(scrub(`Failed query: select 1\nparams: hunter2,more`)).toBe("Failed query: select 1");
  const id = crypto.randomUUID();
  expect(scrub(`update ${id} failed`)).toBe(`update ${id} failed`);
  const values = [`pul-${"a1".repeat(20)}`, btoa("x".repeat(40)), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "f".repeat(64)];
  for (const value of values) expect(scrub(`Error: bad ${value}`)).toBe("Error: bad …");
});

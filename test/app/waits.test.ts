import { beforeEach, describe, expect, it } from "vitest";
import { readRoundTrips } from "../../src/metrics/roundTrips.ts";
import type { Exchange } from "../recordings/recording.ts";
import { recordings, replay } from "../recordings/replay.ts";
import { settledLog } from "../support/audit.ts";
import { laterBy } from "../support/clock.ts";
import { call, ok } from "../support/client.ts";
import { noteBatches } from "../support/statements.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

/**
 * Counts what commands wait for when D1 is far away (docs/decisions/0028). The CLI waits for each of these requests before it makes the
 * next one. The look-up of the token's identity, once in a minute, is not counted.
 */
let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  // The cache of identities and the reads of this isolate depend on the time.
  laterBy(0);
});

const waitsOf = (response: Response) => {
  const timing = response.headers.get("Server-Timing") ?? "";
  return readRoundTrips(timing).d1 - Number(timing.includes('identity;desc="database"'));
};

describe("a recorded session of the CLI", () => {
  interface Wait {
    command: string;
    call: string;
    waits: number;
  }
  const nameOf = ({ method, path }: Exchange) =>
    `${method} ${path
      .split("?")[0]!
      .split("/")
      .slice(6)
      .join("/")
      .replaceAll(/\{\{\w+\}\}/g, "ID")}`;

  it("waits for the database as often as this list says", async () => {
    const session = recordings["./3.259.0-default.json"]!;
    const heard: Wait[] = [];
    await replay(session, (await newOrgToken(world, session.token)).tokenValue, (exchange, response) =>
      heard.push({
        command: /cmd=([\w-]+)/.exec(exchange.userAgent)?.[1] ?? "",
        call: nameOf(exchange),
        waits: waitsOf(response),
      }),
    );
    // Decryptions of secrets of the configuration and of the state are always checked in D1, and not every command makes them.
    const waiting = (list: Wait[]) =>
      list.filter(({ call, waits }) => waits > 0 && call !== "POST batch-decrypt").map(({ call, waits }) => [call, waits]);
    const ups = heard.filter(({ command }) => command === "up");
    const ends = ups.flatMap(({ call }, i) => (call.endsWith("/complete") ? [i + 1] : []));
    const begin = [["GET ", 1]];
    const run = [
      ["POST update", 1],
      ["POST update/ID", 1],
      ["GET export", 1],
      ["POST update/ID/complete", 1],
    ];
    expect(waiting(ups.slice(0, ends[0]))).toEqual([...begin, ...run]);
    expect(waiting(ups.slice(ends[0], ends[1]))).toEqual(run);
    expect(waiting(heard.filter(({ command }) => command === "stack-new"))).toEqual([
      ["GET ", 1],
      ["POST ", 1],
    ]);
    expect(waiting(heard.filter(({ command }) => command === "stack-export"))).toEqual([
      ["GET ", 1],
      ["GET export", 1],
    ]);
    expect(waiting(heard.filter(({ command }) => command === "stack-remove"))).toEqual([
      ["GET ", 1],
      ["DELETE ", 1],
    ]);
    expect(waiting(heard.filter(({ command }) => command === "config-set"))).toEqual([["GET ", 1]]);
  });

  it("of a list of stacks waits once", async () => {
    token = (await newOrgToken(world, "ci")).tokenValue;
    const calls = ["/api/user/organizations/default", "/api/capabilities", "/api/user/stacks?maxResults=100"];
    const waits = [];
    for (const path of calls) waits.push(waitsOf(await call("GET", path, { token })));
    expect(waits).toEqual([0, 0, 1]);
  });
});

describe("an update", () => {
  it.each([
    ["", 0],
    [", also when the identity says that the token has created a stack", 61_000],
  ])("takes few statements, with all work after its answers%s", async (_, later) => {
    token = (await newOrgToken(world, "ci")).tokenValue;
    await newStack(token);
    laterBy(later);
    const stack = "/api/stacks/acme/web/dev";
    await ok("GET", stack, { token });
    await settledLog();
    const batches = noteBatches();
    await ok("GET", stack, { token });
    await ok("POST", `${stack}/encrypt`, { token, json: { plaintext: "aGk=" } });
    const update = await startUpdate(token);
    await ok("GET", `${stack}/export`, { token });
    await ok("GET", stack, { token });
    await ok("POST", `${update.path}/renew_lease`, { lease: update.lease, json: { token: "", duration: 300 } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await settledLog();
    // The consumer reads the end of the chain and makes one write for all events that have arrived, here one, two or three events.
    const isLog = (batch: string[]) => batch.some((text) => text.includes("audit_heads"));
    const isUsage = (batch: string[]) => batch.some((text) => text.includes("token_usage"));
    const sizes = (list: string[][]) => list.map(({ length }) => length);
    expect(sizes(batches.filter((batch) => !isLog(batch) && !isUsage(batch)))).toEqual([
      1, // the stack
      2, // create
      4, // start
      2, // export
      1, // renew
      3, // complete
    ]);
    const logged = batches.filter(isLog);
    expect(new Set(sizes(logged.filter((batch) => batch.length === 1)))).toEqual(new Set([1]));
    for (const batch of logged) expect([1, 3]).toContain(batch.length);
    expect(logged.length).toBeLessThanOrEqual(6);
  });
});

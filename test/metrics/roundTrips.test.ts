import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { counting, noRoundTrips, readRoundTrips, roundTripsText } from "../../src/metrics/roundTrips.ts";
import { call } from "../support/client.ts";
import { breakObjectReads } from "../support/faults.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const STACK_PATH = "/api/stacks/acme/web/dev";

describe("counted bindings", () => {
  it("count each way out, once, and pass everything on", async () => {
    const roundTrips = noRoundTrips();
    const counted = counting(env as Bindings, roundTrips);
    await counted.TOKEN_CACHE.put("key", "value");
    expect(await counted.TOKEN_CACHE.get("key")).toBe("value");
    await counted.STATE.put("one", "1");
    expect(await (await counted.STATE.get("one"))?.text()).toBe("1");
    const upload = await counted.STATE.createMultipartUpload("parts");
    await upload.complete([await upload.uploadPart(1, "all of it")]);
    expect((await counted.STATE.list()).objects.map(({ key }) => key)).toEqual(["one", "parts"]);
    await counted.AUDIT_DEAD.send("{}", { contentType: "text" });
    const session = counted.DB.withSession("first-primary");
    const [result] = await session.batch([session.prepare("SELECT 1 AS n"), session.prepare("SELECT 2 AS n")]);
    expect(result?.results).toEqual([{ n: 1 }]);
    const stub = counted.STACKS.get(counted.STACKS.idFromName("nobody/web/dev"));
    expect(await stub.endIfLost("none", Date.now(), "")).toBe(false);
    expect(roundTrips).toEqual({ d1: 1, kv: 2, r2: 6, object: 1, queue: 1 });
  });

  it("count what fails as well", async () => {
    const roundTrips = noRoundTrips();
    const counted = counting(env as Bindings, roundTrips);
    breakObjectReads();
    await expect(counted.STATE.get("one")).rejects.toThrow();
    expect(roundTrips).toEqual({ ...noRoundTrips(), r2: 1 });
  });

  it("are read from the text that they are written to", () => {
    const roundTrips = { d1: 12, kv: 0, r2: 3, object: 1, queue: 0 };
    expect(roundTripsText(roundTrips)).toBe('d1;desc="12", r2;desc="3", object;desc="1"');
    expect(readRoundTrips(roundTripsText(roundTrips))).toEqual(roundTrips);
    expect(readRoundTrips(null)).toEqual(noRoundTrips());
    expect(roundTripsText(noRoundTrips())).toBe('d1;desc="0"');
  });
});

describe("an answer's Server-Timing", () => {
  let world: World;
  beforeEach(async () => void (world = await newWorld()));

  const roundTrips = async (...request: Parameters<typeof call>) => {
    const { d1, kv, r2, object, queue } = readRoundTrips((await call(...request)).headers.get("Server-Timing"));
    return [d1, kv, r2, object, queue];
  };

  it("says what the request waited for, in the stack's object too", async () => {
    const ci = await newOrgToken(world, "ci");
    const token = ci.tokenValue;
    expect(await roundTrips("GET", "/api/user", { token })).toEqual([1, 1, 0, 0, 0]);
    await newStack(token);
    const update = await startUpdate(token);
    const { lease } = update;
    const batch = { entries: [{ version: 1, kind: 0, sequenceID: 1, operationID: 1, removeOld: null, removeNew: null }] };
    expect(await roundTrips("PATCH", `${update.path}/journalentries`, { lease, json: batch })).toEqual([0, 0, 0, 1, 0]);
    expect(await roundTrips("POST", `${update.path}/renew_lease`, { lease, json: { duration: 300 } })).toEqual([1, 0, 0, 1, 0]);
    const [d1, , r2, object] = await roundTrips("POST", `${update.path}/complete`, { lease, json: { status: "succeeded" } });
    expect([d1, r2, object]).toEqual([1, expect.any(Number), 1]);
    expect(await roundTrips("GET", `${STACK_PATH}/export`, { token })).toEqual([1, 1, 1, 0, 0]);
  });

  it("is nothing for a token that nobody made", async () => {
    expect(await roundTrips("GET", "/api/user", { token: `pul-${"0".repeat(40)}` })).toEqual([0, 0, 0, 0, 0]);
  });
});

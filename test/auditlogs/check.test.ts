import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { archiveOldRecords } from "../../src/audit/archive.ts";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import { checkChains } from "../../src/auditlogs/check.ts";
import type { Bindings } from "../../src/env.ts";
import { DAY, START, happen } from "../support/auditChain.ts";
import { eventually } from "../support/clock.ts";
import { breakObjectReads } from "../support/faults.ts";
import { type World, newWorld } from "../support/world.ts";
import { Destination, examined, newHook, reachable } from "../webhooks/support/hooks.ts";

const bindings = env as Bindings;

let world: World;
let orgId: string;
beforeEach(async () => {
  world = await newWorld();
  orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
});

const run = (sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .run();
/** One complete check of that day. It also checks the organizations of other tests. */
async function check(day: number): Promise<void> {
  while ((await checkChains(bindings, START + day * DAY)) > 0);
}
const faults = async () => {
  const { results } = await env.DB.prepare("SELECT seq, fault FROM audit_faults WHERE org_id = ? ORDER BY seq, fault")
    .bind(orgId)
    .all<{ seq: number; fault: string }>();
  return results.map(({ seq, fault }) => `${seq} ${fault}`);
};
/** The log's events about the check, once every event is in the log. */
async function told(): Promise<string[]> {
  await eventually(async () => expect(await env.DB.prepare("SELECT count(*) AS n FROM audit_outbox").first("n")).toBe(0));
  const { results } = await env.DB.prepare(
    "SELECT description FROM audit_events WHERE org_id = ? AND event = 'audit-chain-broken' ORDER BY seq",
  )
    .bind(orgId)
    .all<{ description: string }>();
  return results.map(({ description }) => description);
}
const alter = (seq: number, login = "gus") => run("UPDATE audit_events SET user_login = ? WHERE org_id = ? AND seq = ?", login, orgId, seq);

describe("the daily check", () => {
  it("examines the whole log of each organization once in a day, and finds nothing in a good one", async () => {
    await happen(orgId, 0, 2100);
    await signCheckpoints(bindings, START);
    let parts = 0;
    for (let n = -1; n !== 0; parts += n) n = await checkChains(bindings, START + 60_000);
    // The check has three parts for acme, and one for globex.
    expect(parts).toBe(4);
    expect(await env.DB.prepare("SELECT seq, day, is_done FROM audit_checks WHERE org_id = ?").bind(orgId).first()).toEqual({
      seq: 2100,
      day: "2026-01-01",
      is_done: 1,
    });
    expect(await checkChains(bindings, START + 3_600_000)).toBe(0);
    await happen(orgId, 2100, 2101);
    expect(await checkChains(bindings, START + 7_200_000)).toBe(0);
    await check(1);
    expect(await env.DB.prepare("SELECT seq FROM audit_checks WHERE org_id = ?").bind(orgId).first("seq")).toBe(2101);
    expect(await faults()).toEqual([]);
    expect(await told()).toEqual([]);
  });

  it("reports each fault once, for as long as it is there", async () => {
    await happen(orgId, 0, 30);
    await check(0);
    await alter(5);
    await run("DELETE FROM audit_events WHERE org_id = ? AND seq IN (10, 11)", orgId);
    await check(1);
    expect(await faults()).toEqual(["5 altered", "12 missing"]);
    const first =
      "The daily check found 2 faults in the audit log: record 5: its hash does not match its content; record 12: records before it are missing.";
    expect(await told()).toEqual([first]);
    await check(2);
    expect(await told()).toEqual([first]);
    await alter(20);
    await check(3);
    const second = "The daily check found a fault in the audit log: record 20: its hash does not match its content.";
    expect(await told()).toEqual([first, second]);
    // A record that was repaired is valid again. If it is altered again, it is reported again.
    await alter(20, "mel");
    await check(4);
    expect(await faults()).toEqual(["5 altered", "12 missing"]);
    await alter(20);
    await check(5);
    expect(await told()).toEqual([first, second, second]);
  });

  it("sees a cut end, and a log that was deleted together with its head", async () => {
    await happen(orgId, 0, 8);
    await signCheckpoints(bindings, START);
    await check(0);
    await run("DELETE FROM audit_events WHERE org_id = ? AND seq > 6", orgId);
    await check(1);
    expect(await faults()).toEqual(["7 truncated", "8 checkpoint"]);
    await run("DELETE FROM audit_events WHERE org_id = ?", orgId);
    await run("DELETE FROM audit_heads WHERE org_id = ?", orgId);
    await check(2);
    expect(await faults()).toEqual(["1 truncated"]);
  });

  it("sees checkpoints that are missing, changed, or of a rebuilt chain", async () => {
    await happen(orgId, 0, 3);
    await signCheckpoints(bindings, START);
    await happen(orgId, 3, 6);
    await signCheckpoints(bindings, START + DAY);
    const key = (day: string) => `audit/checkpoints/${orgId}/${day}.json`;
    const stored = await (await env.STATE.get(key("2026-01-02")))!.text();
    await env.STATE.delete(key("2026-01-01"));
    await check(2);
    expect(await faults()).toEqual(["3 unsigned"]);
    await env.STATE.put(key("2026-01-02"), stored.replace(/"hash":"./, '"hash":"x'), { customMetadata: { seq: "6" } });
    await check(3);
    expect(await faults()).toEqual(["6 signature"]);
    await env.STATE.put(key("2026-01-02"), stored, { customMetadata: { seq: "6" } });
    await check(4);
    expect(await faults()).toEqual(["3 unsigned"]);
    expect(await told()).toHaveLength(3);
  });

  it("sees a lost object of the archive, and waits for a bucket that is away", async () => {
    await happen(orgId, 0, 60);
    await run("UPDATE organizations SET audit_retention_days = 1 WHERE id = ?", orgId);
    await archiveOldRecords(bindings, START + 3 * DAY);
    const archives = await env.DB.prepare("SELECT key, last_seq FROM audit_archives WHERE org_id = ?")
      .bind(orgId)
      .all<{ key: string; last_seq: number }>();
    const [archive] = archives.results;
    expect(archive!.last_seq).toBeGreaterThan(20);
    await check(3);
    expect(await faults()).toEqual([]);
    const mend = breakObjectReads();
    await expect(checkChains(bindings, START + 4 * DAY)).rejects.toThrow("Service Unavailable");
    mend();
    expect(await faults()).toEqual([]);
    await env.STATE.put(archive!.key, "this is not gzip");
    await alter(archive!.last_seq + 5);
    await check(4);
    expect(await faults()).toEqual(["1 unreadable", `${archive!.last_seq + 5} altered`]);
    await env.STATE.delete(archive!.key);
    await check(5);
    expect(await faults()).toEqual(["1 unreadable", `${archive!.last_seq + 5} altered`]);
  });

  it("tells the same once when two runs of the cron are at work, and the other organizations are not delayed", async () => {
    await happen(orgId, 0, 30);
    await alter(5);
    await Promise.all(Array.from({ length: 6 }, () => checkChains(bindings, START)));
    await check(0);
    expect(await told()).toHaveLength(1);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM audit_checks WHERE is_done").first("n")).toBe(2);
  });

  it("reports a bounded number of faults", async () => {
    await happen(orgId, 0, 300);
    await run("UPDATE audit_events SET user_login = 'gus' WHERE org_id = ?", orgId);
    await check(0);
    expect(await faults()).toHaveLength(100);
    expect(await told()).toHaveLength(1);
    expect((await told())[0]).toMatch(/^The daily check found 100 faults in the audit log: record 1: .*; and 95 more\.$/);
    await check(1);
    expect(await told()).toHaveLength(1);
  });

  it("is told by a webhook, once", async () => {
    const destination = new Destination(9320);
    reachable(destination);
    await newHook(world, destination, { filters: ["audit_chain_broken"], format: "slack" });
    await examined();
    await alter(1);
    // A webhook does not send old events, so this check has today's date.
    for (let n = -1; n !== 0;) n = await checkChains(bindings, Date.now());
    for (let n = -1; n !== 0;) n = await checkChains(bindings, Date.now() + DAY);
    await eventually(async () => expect(destination.arrived).toHaveLength(1));
    expect(JSON.stringify(destination.json())).toContain("❌ Audit Chain Broken in acme");
    await examined();
    expect(destination.arrived).toHaveLength(1);
  });
});

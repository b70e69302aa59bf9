import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { appendToChains } from "../../src/audit/append.ts";
import { archiveOldRecords } from "../../src/audit/archive.ts";
import { type ChainRecord, canonical, chainAfter } from "../../src/audit/chain.ts";
import { examine } from "../../src/audit/examine.ts";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import type { Checkpoint, SigningKey } from "../../src/audit/sign.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { settledLog } from "../support/audit.ts";
import { DAY, START, type Verdict, base, eventOf, exportLog, happen, linesOfLog, verifyLog } from "../support/auditChain.ts";
import { ok, refused } from "../support/client.ts";
import { breakDatabase, breakObjectReads, breakObjectWrites } from "../support/faults.ts";
import { objectKeys } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const bindings = env as Bindings;

let world: World;
let orgId: string;
beforeEach(async () => {
  world = await newWorld();
  orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
});

const happened = (from: number, to: number) => happen(orgId, from, to);
const verify = (query?: string) => verifyLog(world.admin, query);
const linesOf = () => linesOfLog(world.admin);
const event = (i: number) => eventOf(orgId, i);
const exported = (query: string) => exportLog(world.admin, query);
const retain = (days: number | null) =>
  env.DB.prepare("UPDATE organizations SET audit_retention_days = ? WHERE id = ?").bind(days, orgId).run();
const rowsLeft = () => env.DB.prepare("SELECT count(*) AS n FROM audit_events WHERE org_id = ?").bind(orgId).first<number>("n");

describe("retention", () => {
  it("moves whole days to the archive, where they stay exportable and verifiable", async () => {
    await happened(0, 2400);
    const before = {
      jsonl: await exported("format=jsonl"),
      csv: await exported("format=csv"),
      filtered: await exported("eventFilter=stack-deleted&endTime=1768000000"),
    };
    expect(await archiveOldRecords(bindings, START + 400 * DAY)).toBe(0);

    await retain(30);
    // There are 100 days with 24 events each. At noon of day 105, the events before day 75 are old.
    expect(await archiveOldRecords(bindings, START + 105.5 * DAY)).toBe(75 * 24);
    expect(await rowsLeft()).toBe(600);
    expect(await objectKeys()).toEqual([
      `audit/archive/${orgId}/000000000001-000000001000.jsonl.gz`,
      `audit/archive/${orgId}/000000001001-000000001800.jsonl.gz`,
    ]);
    expect({
      jsonl: await exported("format=jsonl"),
      csv: await exported("format=csv"),
      filtered: await exported("eventFilter=stack-deleted&endTime=1768000000"),
    }).toEqual(before);
    expect(await verify()).toMatchObject({ valid: true, verified: 2400 });
    expect(await verify("from=900&to=1900")).toMatchObject({ valid: true, verified: 1001, last: { sequence: 1900 } });

    await happened(2400, 2401);
    expect(await archiveOldRecords(bindings, START + 106.5 * DAY)).toBe(24);
    expect(await verify()).toMatchObject({ valid: true, verified: 2401 });
  });

  it("takes everything when all of it is old, and the chain goes on from there", async () => {
    await happened(0, 3);
    await retain(1);
    expect(await archiveOldRecords(bindings, START + 50 * DAY)).toBe(3);
    expect(await rowsLeft()).toBe(0);
    expect(await verify()).toMatchObject({ valid: true, verified: 3 });
    // A message is delivered again after its record was archived.
    await appendToChains(bindings, [event(1), event(3)]);
    expect((await linesOf()).map((line) => (JSON.parse(line) as ChainRecord).id)).toEqual([0, 1, 2, 3].map((i) => event(i).id));
    expect((await exported("")).split("\r\n")).toHaveLength(6);
  });

  it("still finds archived records by their actor: a person who has left, a token in any spelling", async () => {
    const { id } = await newOrgToken(world, "jenkins");
    await settledLog();
    await appendToChains(bindings, [
      { ...event(0), userLogin: "bob" },
      { ...event(1), tokenId: id, tokenName: "jenkins" },
      { ...event(2), tokenId: "session", openedWith: "personal" },
    ]);
    const described = async (query: string) => [...(await exported(query)).matchAll(/Event \d+/g)].map(([text]) => text);
    const both = async () => [
      await described("userFilter=bob"),
      await described("tokenFilter=JENKINS"),
      await described(`tokenFilter=${id}`),
      await described("tokenFilter=personal"),
    ];
    const before = await both();
    expect(before).toEqual([["Event 0"], ["Event 1"], ["Event 1"], ["Event 2"]]);
    await retain(1);
    await archiveOldRecords(bindings, START + 50 * DAY);
    expect(await both()).toEqual(before);
    expect((await exported("format=jsonl&tokenFilter=JENKINS")).trim().split("\n")).toHaveLength(1);
  });

  it("loses nothing when it is cut off", async () => {
    await happened(0, 5);
    await retain(1);
    const repairObjects = breakObjectWrites();
    await expect(archiveOldRecords(bindings, START + 50 * DAY)).rejects.toThrow();
    repairObjects();
    expect(await rowsLeft()).toBe(5);
    const repairDatabase = breakDatabase();
    await expect(archiveOldRecords(bindings, START + 50 * DAY)).rejects.toThrow();
    repairDatabase();
    await Promise.allSettled([archiveOldRecords(bindings, START + 50 * DAY), archiveOldRecords(bindings, START + 50 * DAY)]);
    expect(await verify()).toMatchObject({ valid: true, verified: 5 });
  });
});

const cron = (now: number) => worker.scheduled(createScheduledController({ scheduledTime: now }), bindings);

describe("verification", () => {
  beforeEach(() => happened(0, 30));
  const tamper = (sql: string) => env.DB.prepare(sql).run();

  it("of an empty log is good", async () => {
    await tamper("DELETE FROM audit_events");
    await tamper("DELETE FROM audit_heads");
    expect(await verify()).toMatchObject({ valid: true, verified: 0 });
    expect(await verify("from=7")).toMatchObject({ valid: true, verified: 0 });
  });

  it.each([
    ["altered", 7, "UPDATE audit_events SET description = 'Nothing.' WHERE seq = 7"],
    ["missing", 8, "DELETE FROM audit_events WHERE seq = 7"],
    ["missing", 2, "DELETE FROM audit_events WHERE seq = 1"],
    ["truncated", 29, "DELETE FROM audit_events WHERE seq > 28"],
    [
      "altered",
      7,
      "UPDATE audit_events SET seq = CASE seq WHEN 7 THEN -8 ELSE -7 END WHERE seq IN (7, 8); UPDATE audit_events SET seq = -seq WHERE seq < 0",
    ],
  ])("finds what is %s, at record %i", async (fault, sequence, sql) => {
    for (const statement of sql.split("; ")) await tamper(statement);
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence, fault } });
    // The file alone does not show that it once began earlier or ended later; the numbers of its first and last record do.
    expect((await examine(await linesOf())).good).toBe(fault === "truncated" || sequence === 2);
  });

  it("finds an end that was cut off while somebody looked", async () => {
    await happened(30, 1100);
    const { continuationToken } = await ok<Verdict>("GET", `${base}/verify`, { token: world.admin });
    await tamper("DELETE FROM audit_events WHERE seq > 20");
    await tamper("UPDATE audit_heads SET seq = 20, hash = (SELECT hash FROM audit_events WHERE seq = 20)");
    expect(await ok("GET", `${base}/verify?continuationToken=${continuationToken}`, { token: world.admin })).toMatchObject({
      valid: false,
      firstBad: { sequence: 21, fault: "truncated" },
    });
  });

  it("says so when what it needs cannot be read", async () => {
    await cron(START);
    breakObjectReads();
    for (const path of ["verify", "checkpoints", "checkpoints/2026-01-01"])
      await refused(503, "GET", `${base}/${path}`, { token: world.admin });
  });

  it("reports an altered archive and a missing one", async () => {
    await retain(1);
    await archiveOldRecords(bindings, START + 50 * DAY);
    const [key] = await objectKeys();
    const lines = (await linesOf()).map((line, i) => (i === 3 ? line.replace("Event", "event") : line));
    await env.STATE.put(
      key!,
      await new Response(new Blob([lines.join("\n")]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
    );
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence: 4, fault: "altered" } });
  });

  it("is for administrators, and refuses impossible positions", async () => {
    await refused(403, "GET", `${base}/verify`, { token: world.member });
    for (const query of ["from=0", "to=x", "continuationToken=abc"])
      await refused(400, "GET", `${base}/verify?${query}`, { token: world.admin });
  });
});

describe("the offline verifier", () => {
  const lines = async () => (await happened(0, 10), linesOf());
  const said = async (changed: string[]) => (await examine(changed)).message;

  it("finds an altered, a deleted, an inserted and a reordered record, each by name", async () => {
    const good = await lines();
    expect(await said(good)).toMatch(/^good: records 1 to 10, ending in [0-9a-f]{64}; without a checkpoint, a rewrite/);
    expect(await said(good.slice(4))).toMatch(/^good: records 5 to 10/);
    expect(await said(good.with(4, good[4]!.replace("203.0", "198.5")))).toBe(
      "line 5, record 5 (stack-created, e-00004): ALTERED: its hash does not match its content",
    );
    expect(await said(good.toSpliced(4, 2))).toBe(
      "line 5, record 7 (stack-created, e-00006): DELETED: records 5 to 6 should come before it",
    );
    expect(await said(good.toSpliced(4, 2, good[5]!, good[4]!))).toBe(
      "line 5, record 6 (stack-deleted, e-00005): REORDERED: record 5 belongs here but comes later",
    );
    const forged = canonical(chainAfter(JSON.parse(good[3]!) as ChainRecord, event(99)));
    expect(await said(good.toSpliced(4, 0, forged))).toMatch(/^line 6, record 5 \(stack-created, e-00004\): INSERTED/);
    expect(await said(good.with(4, forged))).toMatch(/^line 6, record 6 \(stack-deleted, e-00005\): INSERTED/);
    // One reader of JSON finds the hashed value in this line, another one finds the inserted value.
    const twice = good[4]!.replace('"sourceIp":', '"sourceIp":"192.0.2.66","sourceIp":');
    expect(JSON.parse(twice)).toEqual(JSON.parse(good[4]!));
    expect(await said(good.with(4, twice))).toBe("line 5: ALTERED: this is not a record of the audit log");
    expect(await said(good.toSpliced(4, 0, "{}"))).toBe("line 5: ALTERED: this is not a record of the audit log");
    expect(await said([])).toBe("there are no records");
  });

  it("checks the records against every checkpoint that it is given", async () => {
    for (let day = 0; day < 3; day++) {
      await happened(3 * day, 3 * day + 3);
      await signCheckpoints(bindings, START + day * DAY);
    }
    const good = await linesOf();
    const { checkpoints } = await ok<{ checkpoints: Checkpoint[] }>("GET", `${base}/checkpoints`, { token: world.admin });
    const { keys } = await ok<{ keys: SigningKey[] }>("GET", "/api/auditlogs/keys");
    const held = async (some: Checkpoint[], records = good, known = keys) =>
      (await examine(records, { checkpoints: some, keys: known })).message;
    const [first, second, third] = checkpoints as [Checkpoint, Checkpoint, Checkpoint];
    expect(await held(checkpoints)).toMatch(/as signed on 2026-01-01, 2026-01-02, 2026-01-03$/);
    // These are a part of the checkpoints, and then a part of the records.
    expect(await held([second, third])).toMatch(/^good: .* as signed on 2026-01-02, 2026-01-03$/);
    expect(await held(checkpoints, good.slice(4))).toMatch(/^good: records 5 to 9, .* as signed on 2026-01-02, 2026-01-03$/);
    expect(await held([first, third])).toBe(
      "the checkpoint of 2026-01-02, about record 6, is MISSING: the checkpoint of 2026-01-03 refers to it",
    );
    expect(await held(checkpoints, good, [{ ...keys[0]!, keyId: "other" }])).toBe(
      "the checkpoint of 2026-01-01 CANNOT BE VERIFIED: no public key 1 was given",
    );
    expect(await held([first, { ...second, signature: "" }])).toBe("the checkpoint of 2026-01-02 is NOT SIGNED with public key 1");
    expect(await held([first, { ...second, hash: first.hash }])).toBe("the checkpoint of 2026-01-02 is NOT SIGNED with public key 1");
    expect(await held(checkpoints, good.slice(0, 8))).toBe(
      "DELETED: the checkpoint of 2026-01-03 covers record 9, but the file has only records 1 to 8",
    );
    expect(await held([first], good.slice(4))).toBe(
      "DELETED: the checkpoint of 2026-01-01 covers record 3, but the file has only records 5 to 9",
    );
  });
});

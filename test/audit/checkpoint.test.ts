import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type ChainRecord, canonical, chainAfter, genesis } from "../../src/audit/chain.ts";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import { examine } from "../../src/audit/examine.ts";
import { type Checkpoint, type SigningKey, signingKeys } from "../../src/audit/sign.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { DAY, START, base, happen, linesOfLog, verifyLog } from "../support/auditChain.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

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
const cron = (now: number) => worker.scheduled(createScheduledController({ scheduledTime: now }), bindings);

describe("a checkpoint", () => {
  const list = async () => (await ok<{ checkpoints: Checkpoint[] }>("GET", `${base}/checkpoints`, { token: world.admin })).checkpoints;
  const keys = async () => (await ok<{ keys: SigningKey[] }>("GET", "/api/auditlogs/keys")).keys;

  it("is signed once a day on which the log grew", async () => {
    await happened(0, 3);
    await cron(START);
    await cron(START + 60_000);
    await happened(3, 5);
    await cron(START + 120_000);
    await cron(START + DAY);
    await cron(START + 2 * DAY);
    const checkpoints = await list();
    expect(checkpoints.map(({ day, seq, previousDay, previousSeq }) => [day, seq, previousDay, previousSeq])).toEqual([
      ["2026-01-01", 3, undefined, undefined],
      ["2026-01-02", 5, "2026-01-01", 3],
    ]);
    expect(await ok("GET", `${base}/checkpoints/2026-01-02`, { token: world.admin })).toEqual(checkpoints[1]);
    await refused(404, "GET", `${base}/checkpoints/2026-01-03`, { token: world.admin });
    await refused(400, "GET", `${base}/checkpoints/yesterday`, { token: world.admin });
    for (const after of ["yesterday", "a".repeat(1400), 1, null]) {
      const continuationToken = btoa(JSON.stringify([after]));
      await refused(400, "GET", `${base}/checkpoints?${String(new URLSearchParams({ continuationToken }))}`, { token: world.admin });
    }
    const [key] = await keys();
    const lines = await linesOf();
    for (const checkpoint of checkpoints)
      expect(await examine(lines, { checkpoints: [checkpoint], keys: [key!] })).toMatchObject({ good: true });
  });

  it("stays the first of its day", async () => {
    await happened(0, 3);
    await signCheckpoints(bindings, START);
    await env.DB.prepare("UPDATE audit_heads SET checkpoint_day = ''").run();
    await happened(3, 4);
    await signCheckpoints(bindings, START + 1000);
    expect((await list()).map(({ seq }) => seq)).toEqual([3]);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: { verified: 1 } });
    // Records that this checkpoint does not cover are covered by the checkpoint of the next day.
    await signCheckpoints(bindings, START + DAY);
    expect((await list()).map(({ seq }) => seq)).toEqual([3, 4]);
  });

  /** Writes every record anew in another person's name, with valid hashes and a valid head. The chain alone does not show this. */
  async function remake(): Promise<ChainRecord[]> {
    const records = (await linesOf()).map((line) => JSON.parse(line) as ChainRecord);
    const forged: ChainRecord[] = [];
    for (const { seq: _, prevHash: __, hash: ___, ...record } of records)
      forged.push(chainAfter(forged.at(-1) ?? genesis, { ...record, userLogin: "gus" }));
    for (const { seq, hash, prevHash } of forged)
      await env.DB.prepare("UPDATE audit_events SET user_login = 'gus', hash = ?, prev_hash = ? WHERE seq = ?")
        .bind(hash, prevHash, seq)
        .run();
    await env.DB.prepare("UPDATE audit_heads SET hash = ?").bind(forged.at(-1)!.hash).run();
    return forged;
  }
  const keyOf = (day: string) => `audit/checkpoints/${orgId}/${day}.json`;
  const put = (day: string, checkpoint: object | string, seq?: number) =>
    env.STATE.put(keyOf(day), typeof checkpoint === "string" ? checkpoint : JSON.stringify(checkpoint), {
      ...(seq !== undefined && { customMetadata: { seq: String(seq) } }),
    });

  it("shows that the chain was rebuilt", async () => {
    await happened(0, 5);
    await signCheckpoints(bindings, START);
    const [checkpoint] = await list();
    const [key] = await keys();
    const forged = await remake();
    expect(await examine(forged.map(canonical))).toMatchObject({ good: true });
    expect((await examine(forged.map(canonical), { checkpoints: [checkpoint!], keys: [key!] })).message).toContain(
      "CHANGED SINCE IT WAS SIGNED",
    );
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence: 5, fault: "checkpoint" } });
    await put("2026-01-01", { ...checkpoint, hash: forged.at(-1)!.hash });
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence: 5, fault: "signature" } });
  });

  it("that was deleted after the chain was rebuilt is reported as missing, also when the next one is signed", async () => {
    await happened(0, 5);
    await signCheckpoints(bindings, START);
    await happened(5, 8);
    await signCheckpoints(bindings, START + DAY);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: { verified: 2, unverifiable: 0, missing: 0 } });
    await remake();
    await env.STATE.delete([keyOf("2026-01-01"), keyOf("2026-01-02")]);
    const missing = {
      verified: 0,
      missing: 1,
      firstFault: { sequence: 8, fault: "missing", description: "the checkpoint of 2026-01-02 is missing" },
    };
    expect(await verify()).toMatchObject({ valid: false, verified: 8, checkpoints: missing });
    expect(await verify("from=8&to=8")).toMatchObject({ valid: false, checkpoints: missing });
    expect(await verify("to=7")).toMatchObject({ valid: true });
    await happened(8, 9);
    await signCheckpoints(bindings, START + 2 * DAY);
    expect(await verify()).toMatchObject({ valid: false, verified: 9, checkpoints: { ...missing, verified: 1 } });
  });

  it("with an unlisted key proves nothing, and the checkpoint in the records is still checked", async () => {
    await happened(0, 5);
    await signCheckpoints(bindings, START);
    const [checkpoint] = await list();
    const [forged] = (await remake()).slice(-1);
    const { signature: _, ...unsigned } = { ...checkpoint!, keyId: "99", hash: forged!.hash };
    await put("2026-01-01", { ...unsigned, signature: "" }, 5);
    expect(await verify()).toMatchObject({
      valid: false,
      verified: 5,
      checkpoints: {
        unverifiable: 1,
        firstFault: {
          sequence: 5,
          fault: "unverifiable",
          description: "the checkpoint of 2026-01-01 is signed with key 99, which is not listed",
        },
      },
    });
    await put("2026-01-01", { ...unsigned, hash: checkpoint!.hash, signature: "" }, 5);
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence: 5, fault: "checkpoint" } });
  });

  it.each<[what: string, tamper: (checkpoint: Checkpoint) => Promise<unknown>]>([
    ["has no signature", (checkpoint) => put("2026-01-01", { ...checkpoint, signature: "" }, 5)],
    ["is no checkpoint", () => put("2026-01-01", "{}", 5)],
    ["is no JSON", () => put("2026-01-01", "not json", 5)],
    ["is of another organization", (checkpoint) => put("2026-01-01", { ...checkpoint, orgId: "other" }, 5)],
    ["is of another day", (checkpoint) => put("2026-01-05", checkpoint, 5)],
    ["is noted at a record where nobody looks for it", (checkpoint) => put("2026-01-01", { ...checkpoint, hash: "0" }, 9_999_999)],
    ["is noted at no record, and altered", (checkpoint) => put("2026-01-01", { ...checkpoint, hash: "0" }, 0)],
    ["has no note, and is altered", (checkpoint) => put("2026-01-01", { ...checkpoint, hash: "0" })],
  ])("that %s is a fault", async (_, tamper) => {
    await happened(0, 5);
    await signCheckpoints(bindings, START);
    const [checkpoint] = await list();
    await tamper(checkpoint!);
    expect(await verify()).toMatchObject({ valid: false, firstBad: { fault: "signature" } });
    // The list continues after a checkpoint that cannot be read, and so does the cron.
    await happened(5, 6);
    await signCheckpoints(bindings, START + DAY);
    expect((await list()).map(({ day, seq }) => [day, seq])).toContainEqual(["2026-01-02", 6]);
  });

  it("shows that the end of the chain was cut off together with its head", async () => {
    await happened(0, 5);
    await signCheckpoints(bindings, START);
    await env.DB.prepare("DELETE FROM audit_events WHERE seq > 2").run();
    await env.DB.prepare(
      "UPDATE audit_heads SET seq = 2, hash = (SELECT hash FROM audit_events WHERE seq = 2), checkpoint_seq = 0, checkpoint_day = ''",
    ).run();
    expect(await verify()).toMatchObject({ valid: false, verified: 2, firstBad: { sequence: 3, fault: "truncated" } });
    expect(await verify("to=1")).toMatchObject({ valid: true });
    await env.DB.prepare("DELETE FROM audit_events").run();
    await env.DB.prepare("DELETE FROM audit_heads").run();
    expect(await verify()).toMatchObject({ valid: false, verified: 0, firstBad: { sequence: 1, fault: "truncated" } });
  });

  it("of a chain that grows during verification is not reported as a cut", async () => {
    await happened(0, 5);
    const listObjects = env.STATE.list.bind(env.STATE);
    const spy = vi.spyOn(env.STATE, "list").mockImplementationOnce(async (options) => {
      await happened(5, 7);
      await signCheckpoints(bindings, START);
      return listObjects(options);
    });
    onTestFinished(() => spy.mockRestore());
    expect(await verify()).toMatchObject({ valid: true, verified: 5 });
  });

  it("is verified with the public key that the operator keeps of a master key that is gone", async () => {
    await happened(0, 5);
    const old = { ...bindings, ENCRYPTION_KEYS: `7:${"A".repeat(43)}` } as Bindings;
    const [oldKey] = await signingKeys(old.ENCRYPTION_KEYS);
    await signCheckpoints(old, START);
    await happened(5, 6);
    await signCheckpoints(bindings, START + DAY);
    expect(await verify()).toMatchObject({ valid: false, checkpoints: { verified: 1, unverifiable: 1, missing: 0 } });
    const setting = (value: string) => Object.assign(env, { AUDIT_PUBLIC_KEYS: value });
    onTestFinished(() => void setting(""));
    setting(`nonsense, 7:${oldKey!.publicKey} ,8:short`);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: { verified: 2, unverifiable: 0, missing: 0 } });
    expect((await keys()).map(({ keyId }) => keyId)).toEqual(["1", "0", "7"]);
    // An id of a key may be used again: the checkpoint is valid if one of the keys with its id verifies it.
    setting(`7:${"B".repeat(43)},7:${oldKey!.publicKey}`);
    expect(await verify()).toMatchObject({ valid: true, checkpoints: { verified: 2 } });
    setting(`7:${"B".repeat(43)}`);
    expect(await verify()).toMatchObject({ valid: false, firstBad: { sequence: 5, fault: "signature" } });
  });

  it("is compared with its records however many there are, a hundred in a call", async () => {
    for (let day = 0; day < 230; day++) {
      await happened(day, day + 1);
      await signCheckpoints(bindings, START + day * DAY);
    }
    expect(await ok("GET", `${base}/verify`, { token: world.admin })).toMatchObject({ verified: 100, checkpoints: { verified: 100 } });
    expect(await verify()).toMatchObject({ valid: true, verified: 230, last: { sequence: 230 }, checkpoints: { verified: 230 } });
    const days = await env.STATE.list({ prefix: `audit/checkpoints/${orgId}/`, limit: 120 });
    await env.STATE.delete(days.objects.at(-1)!.key);
    expect(await verify()).toMatchObject({
      valid: false,
      verified: 230,
      checkpoints: { verified: 229, missing: 1, firstFault: { sequence: 120 } },
    });
  });
});

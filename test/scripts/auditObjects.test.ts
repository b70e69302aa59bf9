import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChainRecord, canonical, chainAfter, genesis } from "../../src/audit/chain.ts";
import { signCheckpoint, signingKeys } from "../../src/audit/sign.ts";
import { root, runScript } from "./support/checkout.ts";

const records: ChainRecord[] = [];
for (let i = 0; i < 30; i++)
  records.push(chainAfter(records.at(-1) ?? genesis, { id: `e-${i}`, orgId: "org", at: i, event: "stack-created" }));

let bucket: string;
let log: string;
const fileOf = (first: number, last: number) => {
  const padded = [first, last].map((seq) => String(seq).padStart(12, "0")).join("-");
  return join(log, "2026/01/01/00", `${padded}-${records[last - 1]!.hash.slice(0, 12)}.jsonl.gz`);
};
const write = (first: number, last: number, change = (text: string) => text) =>
  writeFileSync(
    fileOf(first, last),
    gzipSync(
      change(
        records
          .slice(first - 1, last)
          .map((record) => `${canonical(record)}\n`)
          .join(""),
      ),
    ),
  );

beforeEach(() => {
  bucket = mkdtempSync(join(tmpdir(), "stackpass-bucket-"));
  log = join(bucket, "logs/acme");
  mkdirSync(join(log, "2026/01/01/00"), { recursive: true });
  mkdirSync(join(log, "checkpoints"));
  write(1, 10);
  write(11, 30);
});
afterEach(() => rmSync(bucket, { recursive: true }));

const verify = async (...args: string[]) => {
  const { code, stdout, stderr } = await runScript(root, "audit-verify", args);
  return { code, said: stdout + stderr };
};

it("verifies the objects of a bucket alone, with the checkpoints among them", async () => {
  const master = `1:${"A".repeat(43)}`;
  const [key] = await signingKeys(master);
  const unsigned = {
    orgId: "org",
    day: "2026-01-02",
    seq: 20,
    hash: records[19]!.hash,
    time: "",
    algorithm: "Ed25519" as const,
    keyId: "1",
  };
  writeFileSync(join(log, "checkpoints/2026-01-02.json"), JSON.stringify(await signCheckpoint(unsigned, key!.privateKey)));
  // The same records are written again, and the archived object ends elsewhere.
  write(5, 25);
  expect(await verify(bucket, "--key", key!.publicKey)).toEqual({
    code: 0,
    said: expect.stringMatching(/^good: records 1 to 30, .*, as signed on 2026-01-02/) as string,
  });
  const without = await verify(log);
  expect([without.code, without.said]).toEqual([0, expect.stringContaining("With --key they are verified, too.")]);
  writeFileSync(join(log, "checkpoints/2026-01-02.json"), JSON.stringify(await signCheckpoint({ ...unsigned, seq: 31 }, key!.privateKey)));
  expect(await verify(bucket, "--key", key!.publicKey)).toMatchObject({ code: 1, said: expect.stringContaining("DELETED") as string });
});

it("finds an object that is missing, altered or damaged, and several logs in one folder", async () => {
  const second = readFileSync(fileOf(11, 30));
  rmSync(fileOf(11, 30));
  write(12, 30);
  expect((await verify(bucket)).said).toContain("DELETED: record 11");
  write(9, 30, (text) => text.replace('"at":9', '"at":8'));
  expect((await verify(bucket)).code).toBe(1);
  rmSync(fileOf(9, 30));
  writeFileSync(fileOf(11, 30), second.subarray(0, 100));
  expect((await verify(bucket)).said).toContain("this is not a record");
  const other = join(bucket, "logs/globex/2026/01/01/00");
  mkdirSync(other, { recursive: true });
  copyFileSync(fileOf(1, 10), join(other, "000000000001-000000000010-0123456789ab.jsonl.gz"));
  expect(await verify(bucket)).toMatchObject({ code: 2, said: expect.stringContaining("several logs") as string });
  expect(await verify(join(log, "checkpoints"))).toMatchObject({ code: 2, said: expect.stringContaining("no objects") as string });
});

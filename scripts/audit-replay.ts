/**
 * `npm run audit:replay [-- --local [--persist-to DIR]]`: requests that the cron writes the audit events that became dead letters. They are
 * in the bucket under `audit/dead-letters/`; each is deleted after it was written, and an event that is in the log already is not written
 * again.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPLAY_REQUEST } from "../src/audit/replay.ts";
import { configuration } from "./configuration.ts";
import { readOptions } from "./options.ts";
import { mustWrangle, whichDeployment } from "./wrangler.ts";

const values = readOptions({ local: { type: "boolean", default: false }, "persist-to": { type: "string" } });
const folder = mkdtempSync(join(tmpdir(), "stackpass-"));
try {
  const file = join(folder, "replay");
  writeFileSync(file, new Date().toISOString());
  const bucket = configuration().r2_buckets![0]!.bucket_name!;
  mustWrangle(["r2", "object", "put", `${bucket}/${REPLAY_REQUEST}`, ...whichDeployment(values), "--file", file]);
} finally {
  rmSync(folder, { recursive: true });
}
console.log("The cron starts to write the dead letters within a minute.");

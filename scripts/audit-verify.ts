/**
 * `npm run audit:verify -- FILE.jsonl [--checkpoints FILE.json]… [--key [ID:]PUBLIC_KEY]…`: recomputes the hash chain of an exported audit
 * log (`…/auditlogs/export?format=jsonl`, inflated; `-` is standard input), without a server, and names the first faulty record. With
 * signed checkpoints (a file with one, or with a list from `…/auditlogs/checkpoints`) and the deployment's public keys it also detects a
 * rewrite of the whole chain. A key without an id is tried for every checkpoint. In place of a file it takes a folder with the objects that an
 * audit stream wrote into a bucket. The folder contains the checkpoints. The exit code is 1 when the log is invalid.
 */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { examine } from "../src/audit/examine.ts";
import { type Checkpoint, parseCheckpoint } from "../src/audit/sign.ts";
import { fail } from "./fail.ts";
import { folderOf } from "./objectFolder.ts";
import { objectLines } from "./objectLines.ts";
import { readCommand } from "./options.ts";

const { values, positionals } = readCommand({
  checkpoints: { type: "string", multiple: true, default: [] },
  checkpoint: { type: "string", multiple: true, default: [] },
  key: { type: "string", multiple: true, default: [] },
});
const [file] = positionals;
const given = [...values.checkpoints, ...values.checkpoint];
const folder = file !== undefined && statSync(file, { throwIfNoEntry: false })?.isDirectory() ? folderOf(file) : undefined;
const files = values.key.length > 0 ? [...given, ...(folder?.checkpoints ?? [])] : given;
if (!file || (files.length === 0) !== (values.key.length === 0)) {
  console.error("usage: npm run audit:verify -- FILE.jsonl|FOLDER [--checkpoints FILE.json]… [--key [ID:]PUBLIC_KEY]…");
  process.exit(2);
}
if (folder && folder.logs.length !== 1)
  fail(
    folder.logs.length === 0
      ? `${file} contains no objects of an audit stream in the format jsonl`
      : `${file} contains the objects of several logs. Give the folder of one of them: ${folder.logs.join(", ")}`,
  );
const checkpoints = files.flatMap(readCheckpoints);
const keys = values.key.flatMap((key) => {
  const [, id, publicKey = ""] = /^(?:([^:]*):)?(.*)$/.exec(key) ?? [];
  const ids = id === undefined ? new Set(checkpoints.map(({ keyId }) => keyId)) : [id];
  return [...ids].map((keyId) => ({ keyId, publicKey }));
});
const { good, message } = await examine(folder ? objectLines(folder.objects) : linesOf(file), { checkpoints, keys });
console[good ? "log" : "error"](message);
if (folder && folder.checkpoints.length > 0 && values.key.length === 0)
  console.log("The folder has signed checkpoints. With --key they are verified, too.");
process.exit(good ? 0 : 1);

/** The reader begins with the first line that is asked for: lines that arrive before that would be lost. */
async function* linesOf(path: string): AsyncGenerator<string> {
  yield* createInterface({ input: path === "-" ? process.stdin : createReadStream(path), crlfDelay: Infinity });
}

/** One checkpoint, or a list of them. */
function readCheckpoints(path: string): Checkpoint[] {
  const text = readFileSync(path, "utf8");
  const { checkpoints: list } = JSON.parse(text) as { checkpoints?: unknown[] };
  return (list?.map((one) => JSON.stringify(one)) ?? [text]).map((one) => {
    const checkpoint = parseCheckpoint(one);
    if (checkpoint) return checkpoint;
    console.error(`${path} contains an invalid checkpoint`);
    process.exit(1);
  });
}

/**
 * `npm run audit:verify -- FILE.jsonl [--checkpoint FILE.json --key PUBLIC_KEY]`: recomputes the hash chain of an exported audit log
 * (`…/auditlogs/export?format=jsonl`, inflated; `-` is standard input), without any server, and names the first bad record. With a
 * signed checkpoint and the deployment's public key it also shows that the chain was not made anew. Ends with 1 when it is bad.
 */
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { examine } from "../src/audit/examine.ts";
import type { Checkpoint } from "../src/audit/sign.ts";

const { values, positionals } = parseArgs({ options: { checkpoint: { type: "string" }, key: { type: "string" } }, allowPositionals: true });
const [file] = positionals;
if (!file || (values.checkpoint === undefined) !== (values.key === undefined)) {
  console.error("usage: npm run audit:verify -- FILE.jsonl [--checkpoint FILE.json --key PUBLIC_KEY]");
  process.exit(2);
}
const signed =
  values.checkpoint === undefined
    ? undefined
    : { checkpoint: JSON.parse(readFileSync(values.checkpoint, "utf8")) as Checkpoint, publicKey: values.key ?? "" };
const lines = createInterface({ input: file === "-" ? process.stdin : createReadStream(file), crlfDelay: Infinity });
const { good, message } = await examine(lines, signed);
console[good ? "log" : "error"](message);
process.exit(good ? 0 : 1);

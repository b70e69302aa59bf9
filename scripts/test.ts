/**
 * `npm test`: the checks and every suite, two at a time, and a summary that shows the result of each suite, why it was skipped, and why a
 * test failed. `npm run test:long` is the long form. The output of a suite is shown when it failed.
 */
import { rmSync } from "node:fs";
import { readOptions } from "./options.ts";
import { newTestFolder } from "./testing/folder.ts";
import { type Result, run } from "./testing/run.ts";
import { type Suite, suites } from "./testing/suites.ts";
import { summary } from "./testing/summary.ts";

/** Number of suites that run at the same time. Each uses about one core. */
const LANES = 2;

const { long } = readOptions({ long: { type: "boolean", default: false } });
// The same seed for all suites, so that the summary can print it.
const seed = process.env["SEED"] ?? String(Date.now() % 1_000_000);
const folder = newTestFolder();
const list = suites(long);
const waiting = list.values();
const results = new Map<Suite, Result>();
const started = Date.now();

let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (isInterrupted = true));

/** Runs the next suite until none is left. */
async function lane(): Promise<void> {
  for (const suite of waiting) {
    if (isInterrupted) return;
    const at = () => `${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s `;
    console.log(`${at()} ${suite.name}: ${suite.missing ? "skipped" : "started"}`);
    const result = await run(suite, folder, { LONG: long ? "1" : "", SEED: seed, TMPDIR: folder });
    results.set(suite, result);
    if (result.outcome === "skipped") continue;
    console.log(`${at()} ${suite.name}: ${result.outcome}`);
    if (result.output) console.log(`\n=== ${suite.name}\n${result.output}`);
  }
}

try {
  await Promise.all(Array.from({ length: LANES }, lane));
} finally {
  rmSync(folder, { recursive: true });
}
if (isInterrupted) process.exit(130);
const inOrder = list.map((suite) => results.get(suite)!);
console.log(
  `\n${summary(inOrder, Math.round((Date.now() - started) / 1000))}\nseed:   ${seed}; SEED=${seed} repeats the same random choices`,
);
process.exit(inOrder.some(({ outcome }) => outcome === "failed") ? 1 : 0);

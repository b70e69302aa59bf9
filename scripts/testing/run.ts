import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { env, root } from "../wrangler.ts";
import { readChecks, readReport, type Tests } from "./report.ts";
import type { Suite } from "./suites.ts";

export interface Result extends Tests {
  name: string;
  outcome: "passed" | "failed" | "skipped";
  /** Why the suite was skipped. */
  because?: string;
  seconds: number;
  /** The suite's output, when it failed. */
  output: string;
}

/** Runs a suite. @param folder receives its output and its report while it runs */
export async function run(suite: Suite, folder: string, settings: Record<string, string>): Promise<Result> {
  const nothing = { passed: 0, failed: 0, skipped: 0, failures: [] as string[] };
  if (suite.missing) return { ...nothing, name: suite.name, outcome: "skipped", because: suite.missing, seconds: 0, output: "" };
  const file = join(folder, suite.name.replaceAll(/\W+/g, "-"));
  const report = `${file}.json`;
  const reporters = suite.reports ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : [];
  const started = Date.now();
  const code = await output(`${file}.log`, [...suite.command, ...reporters], { ...env, ...compiled, ...settings, ...suite.env });
  const seconds = Math.round((Date.now() - started) / 1000);
  const printed = withoutNoise(readFileSync(`${file}.log`, "utf8"));
  const tests = suite.reports ? readReport(report) : readChecks(printed);
  if (!tests) {
    const failures = [`${suite.name}: ended with ${code} before it reported its tests`];
    return { ...nothing, name: suite.name, outcome: "failed", failures, seconds, output: printed };
  }
  const failures =
    code !== 0 && tests.failures.length === 0 ? [`${suite.name}: ended with ${code}, although no test failed`] : tests.failures;
  // A suite without a single executed test proves nothing.
  if (tests.passed + tests.failed === 0) failures.push(`${suite.name}: no test ran`);
  const outcome = code === 0 && failures.length === 0 ? "passed" : "failed";
  return { ...tests, failures, name: suite.name, outcome, seconds, output: outcome === "failed" ? printed : "" };
}

/** Suites start node hundreds of times, mostly for wrangler, so node caches compiled code. */
const compiled = { NODE_COMPILE_CACHE: join(root, "node_modules/.cache/compiled") };

/** Runs node with its output in a file. @returns its exit code, or the signal that ended it */
async function output(file: string, args: string[], environment: NodeJS.ProcessEnv): Promise<number | string> {
  const log = createWriteStream(file);
  const child = spawn(process.execPath, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  // After an interrupt vitest still stops the servers of its tests; other signals end it at once.
  const interrupt = () => child.kill("SIGINT");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => log.write(part));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal ?? 1));
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
  log.end();
  await finished(log);
  return code;
}

/** The runtime's own reports of faults that tests cause. They do not belong to a test, so they cannot be shown with a failed one. */
const NOISE =
  /^(?:uncaught exception; |console warning; message = Called \.text\(\)|exception = workerd\/|stack: .*workerd| {4}at async \w+\.fetch \(file:.*miniflare)/;

const withoutNoise = (text: string) =>
  text
    .split("\n")
    .filter((line) => !NOISE.test(line))
    .join("\n");

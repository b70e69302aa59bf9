/** `npm test`: every suite, one after the other, and a summary that says what ran and names what failed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { env, root } from "./wrangler.ts";

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const vitest = join(root, "node_modules/.bin/vitest");
const suites = [
  { name: "unit and API, in workerd", config: "vitest.config.ts" },
  { name: "raw bytes on a socket", config: "vitest.socket.config.ts" },
  { name: "the scripts", config: "vitest.scripts.config.ts" },
  { name: "the Pulumi CLI", config: "vitest.cli.config.ts" },
  { name: "the console, in a browser", config: "vitest.console.config.ts" },
];
const reports = mkdtempSync(join(tmpdir(), "stackpass-test-"));

function run(name: string, bin: string, args: string[]) {
  console.log(`\n=== ${name}`);
  const started = Date.now();
  const { status } = spawnSync(bin, args, { cwd: root, env, stdio: "inherit" });
  return { name, passed: status === 0, seconds: Math.round((Date.now() - started) / 1000) };
}

/** The failed tests of a report, and files that could not be run, each with the first lines of why. */
function failures(file: string): string[] {
  if (!existsSync(file)) return [];
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const where = relative(root, name);
    const failed = assertionResults.filter(({ status }) => status === "failed");
    if (failed.length === 0) return message ? [`${where}: ${start(message)}`] : [];
    return failed.map(({ fullName, failureMessages }) => `${where} > ${fullName}: ${start(failureMessages.join("\n"))}`);
  });
}

/** Without empty lines and stack traces. */
const start = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s*(at .*)?$/.test(line))
    .slice(0, 8)
    .join(" ")
    .slice(0, 800);

const results = [
  { ...run("checks", process.execPath, ["scripts/check.ts"]), failures: [] as string[] },
  ...suites.map(({ name, config }, index) => {
    const file = join(reports, `${index}.json`);
    const args = ["run", "--config", config, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    return { ...run(name, vitest, args), failures: failures(file) };
  }),
];
rmSync(reports, { recursive: true });

console.log("\n=== summary");
for (const { name, passed, seconds } of results) console.log(`${passed ? "ok  " : "FAIL"}  ${name} (${seconds} s)`);
for (const failure of results.flatMap((result) => result.failures)) console.log(`      ${failure}`);
const failed = results.filter((result) => !result.passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

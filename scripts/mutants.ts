/**
 * `npm run test:claims [-- --only TEXT --shard I/N --lanes N]`: applies each mutant of test/claims/mutants.ts in a copy of the checkout, runs the test
 * of its claim, and expects that test to fail. If the test passes, it does not prove its claim: the mutant survives.
 * `scripts/mutantOutcome.ts` defines which failures count.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Mutant, editsOf, mutants } from "../test/claims/mutants.ts";
import { type Claim, claimFaults, readClaims } from "./claims.ts";
import { contractFile } from "./contract.ts";
import { fail } from "./fail.ts";
import { type Outcome, type Report, hasPassed, outcomeOf, patternOf } from "./mutantOutcome.ts";
import { readOptions } from "./options.ts";
import { env, root } from "./wrangler.ts";

const {
  only,
  shard,
  lanes: width,
} = readOptions({
  only: { type: "string", default: "" },
  shard: { type: "string", default: "1/1" },
  lanes: { type: "string", default: "2" },
});
/** Timeout of a run of tests, in minutes. The tests with the real CLI take longest. */
const MOST_MINUTES = 10;

const faults = claimFaults();
if (faults.length > 0) fail(faults.join("\n"));
const claims = new Map(readClaims().map((claim) => [claim.name, claim]));
const claimOf = (mutant: Mutant) => claims.get(mutant.claim)!;
const named = mutants.filter((mutant) => mutant.claim.includes(only) || editsOf(mutant).some(({ file }) => file.includes(only)));
if (named.length === 0) fail(`No claim and no file of a mutant contains "${only}".`);

/** Part I of N of the files with tests: the mutants of a file are in the same part. */
const [part = 0, parts = 0] = shard.split("/").map(Number);
if (!(part >= 1 && part <= parts)) fail(`"${shard}" is no part: --shard 2/6 is the second of six.`);
const files = [...new Set(named.map((mutant) => claimOf(mutant).file))].toSorted();
const chosen = named.filter((mutant) => files.indexOf(claimOf(mutant).file) % parts === part - 1);
if (chosen.length === 0) fail(`Part ${shard} has no mutant.`);

const scratch = mkdtempSync(join(tmpdir(), "stackpass-claims-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** Copies the files that git tracks or would add. The copies share the installed packages. */
function copyCheckout(name: string): string {
  const copy = join(scratch, name);
  const { stdout } = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root, encoding: "utf8" });
  for (const file of stdout.split("\0").filter((path) => path !== "" && existsSync(join(root, path)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

const copies = Array.from({ length: Number(width) }, (_, lane) => copyCheckout(String(lane)));

/** Each copy of the checkout takes the next job when it is free. */
async function share<Job>(jobs: Iterable<Job>, work: (copy: string, job: Job) => Promise<void>): Promise<void> {
  const left = [...jobs];
  await Promise.all(
    copies.map(async (copy) => {
      for (let job = left.shift(); job; job = left.shift()) await work(copy, job);
    }),
  );
}

const configs: [folder: string, config: string][] = [
  ["test/cli/", "vitest.cli.config.ts"],
  ["test/socket/", "vitest.socket.config.ts"],
  ["test/scripts/", "vitest.scripts.config.ts"],
  ["test/console/browser/", "vitest.console.config.ts"],
];
const configOf = (file: string) => configs.find(([folder]) => file.startsWith(folder))?.[1] ?? "vitest.config.ts";

/**
 * Runs the tests of claims, which must be in one file. Random tests make the same choices each time. @returns undefined when vitest wrote
 * no report
 */
async function runTests(copy: string, file: string, ofFile: Claim[]): Promise<Report | undefined> {
  const report = join(copy, "claims.report.json");
  rmSync(report, { force: true });
  const titles = ofFile.map(({ test }) => patternOf(test)).join("|");
  const args = ["run", "--config", configOf(file), "--reporter=./scripts/mutantReporter.ts", "-t", titles, file];
  const child = spawn(join(copy, "node_modules/.bin/vitest"), args, {
    cwd: copy,
    env: { ...env, MUTANT_REPORT: report, PULUMI_CONTRACT: contractFile() ?? "", SEED: "1" },
    stdio: "ignore",
    timeout: MOST_MINUTES * 60_000,
  });
  await new Promise((resolve) => child.once("close", resolve));
  return existsSync(report) ? (JSON.parse(readFileSync(report, "utf8")) as Report) : undefined;
}

/** Runs the claim's test with the mutant in the copy, and removes the mutant. */
async function runMutant(copy: string, mutant: Mutant): Promise<Outcome> {
  const { file, ...claim } = claimOf(mutant);
  const before = new Map(editsOf(mutant).map((edit) => [join(copy, edit.file), readFileSync(join(copy, edit.file), "utf8")]));
  for (const { file: mutated, find, replace } of editsOf(mutant)) {
    const path = join(copy, mutated);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(find, () => replace),
    );
  }
  try {
    return outcomeOf(await runTests(copy, file, [{ file, ...claim }]));
  } finally {
    for (const [path, source] of before) writeFileSync(path, source);
  }
}

const byFile = Map.groupBy(new Set(chosen.map(claimOf)), ({ file }) => file);
console.log(`Without a mutant: the tests of ${byFile.size} files must pass.`);
const failed = new Set<string>();
await share(byFile, async (copy, [file, ofFile]) => {
  const report = await runTests(copy, file, ofFile);
  const { kind, why } = outcomeOf(report);
  const idle = ofFile.filter(({ test }) => !hasPassed(report, test)).map(({ name }) => name);
  if (kind === "survived" && idle.length === 0) return;
  failed.add(file);
  console.log(`FAIL  ${file}: ${kind === "survived" ? `no test ran for ${idle.join(", ")}` : why}`);
});

console.log(`With each of ${chosen.length} mutants: the test of its claim must fail.`);
const count: Record<Outcome["kind"], number> = { caught: 0, survived: 0, unclear: 0 };
const runnable = chosen.filter((mutant) => !failed.has(claimOf(mutant).file));
await share(runnable, async (copy, mutant) => {
  const started = Date.now();
  const { kind, why } = await runMutant(copy, mutant);
  count[kind]++;
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${kind === "caught" ? "ok  " : "FAIL"}  ${mutant.claim} (${mutant.file}, ${seconds} s): ${kind}\n      ${why}`);
});

console.log(`\n${count.caught} of ${chosen.length} mutants were caught, ${count.survived} survived, ${count.unclear} are unclear.`);
if (failed.size > 0) console.log(`${chosen.length - runnable.length} were not tried, because their tests fail without them.`);
process.exit(count.caught === chosen.length ? 0 : 1);

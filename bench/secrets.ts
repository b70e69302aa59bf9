/**
 * `npm run test:secrets [-- --cli PATH,PATH --servers built,dev --cases 1,2,…]` runs the commands that encrypt and decrypt on stacks with
 * many and with large secrets, with the real CLI; PULUMI_CLIS may contain the list of CLIs instead. The server is the production bundle in
 * workerd, or `npm run dev` with its proxy. Each case has its own server. Each command must succeed, and the output must contain the
 * original secrets. For each command it prints the seconds, and the peak of the memory of the Worker's isolate by V8's own count (heap.ts),
 * which must stay below 128 MB. For the bundle it also prints workerd's resident memory: the peak above the memory after the start (see
 * size.ts), and the whole. This includes the simulators' memory and free memory that is not returned to the system.
 */
import { spawn, spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findCli } from "../test/cli/support/findCli.ts";
import { missingSecret, secretText, writeSecretsProgram } from "../test/cli/support/manySecrets.ts";
import { installNodeSdk } from "../test/cli/support/nodeSdk.ts";
import { type Heap, watchHeap } from "./heap.ts";
import { fileBytes, findWorkerd, peakBytes, resetPeak, residentBytes } from "./memory.ts";
import { type BenchServer, built, newFolder, wranglerDev } from "./servers.ts";
import { frontOf, objectStore } from "./store.ts";

const MB = 1024 * 1024;
const KB = 1000;
/** The memory of an isolate at Cloudflare in MB, which is the limit for V8 here too. */
const BOUND = 128;
process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= `--max-heap-size=${BOUND}`;

interface Case {
  name: string;
  /** Number of secrets in the state, and the bytes of each. */
  count: number;
  bytes: number;
  /** The secret is in the configuration, and it is an output. */
  inConfig?: true;
  /** The state has the secret once. In the other cases it has it as input and as output, if the CLI has such a resource. */
  inOneCopy?: true;
}

const cases: Case[] = [
  { name: "100 secrets of 100 KB", count: 100, bytes: 100 * KB },
  { name: "10 secrets of 1 MB", count: 10, bytes: 1000 * KB },
  { name: "1,500 secrets of 50 KB", count: 1500, bytes: 50 * KB },
  { name: "a secret of 8 MiB, the maximum", count: 1, bytes: 8 * MB - 2, inOneCopy: true },
  { name: "a configuration secret of 1.5 MB", count: 1, bytes: 1500 * KB, inConfig: true },
  { name: "a configuration secret of 3,145,710 bytes", count: 1, bytes: 3_145_710, inConfig: true },
  { name: "a configuration secret of 6 MB, near the maximum of a configuration", count: 1, bytes: 6000 * KB, inConfig: true },
];

const { values } = parseArgs({
  options: {
    cli: { type: "string", default: process.env["PULUMI_CLIS"] ?? findCli() ?? "" },
    servers: { type: "string", default: "built,dev" },
    cases: { type: "string", default: cases.map((_, i) => i + 1).join(",") },
    port: { type: "string", default: "8797" },
  },
});
const nodeModules = installNodeSdk();
const folder = mkdtempSync(join(tmpdir(), "stackpass-secrets-"));
let failed = 0;

function project(name: string, { count, bytes, inConfig, inOneCopy }: Case, version: string): string {
  const place = join(folder, name);
  mkdirSync(place);
  if (inConfig) {
    const program = { name, runtime: "yaml", config: { big: { type: "string" } }, outputs: { big: "${big}" } };
    writeFileSync(join(place, "Pulumi.yaml"), JSON.stringify(program));
    return place;
  }
  const stash = Number(version.split(".")[1]) >= 208 && !inOneCopy;
  // A CLI that does not journal writes its whole state for each resource.
  const each = !stash && count > 1000 ? 50 : 1;
  const resources = Array.from({ length: count / each }, () => Array.from({ length: each }, () => bytes));
  writeSecretsProgram(place, nodeModules, name, { resources, stash });
  return place;
}

interface Session {
  cli: string;
  server: BenchServer;
  home: string;
  place: string;
}

/** Runs a command to its end. @returns its error output, and whether it succeeded */
function pulumi(session: Session, args: string[], input?: string): Promise<{ ok: boolean; said: string; output: string }> {
  const { cli, server, home, place } = session;
  const output = join(place, "output");
  return new Promise((done, fail) => {
    const child = spawn(cli, [...args, "--color=never", "--non-interactive"], {
      cwd: place,
      env: {
        PATH: [dirname(cli), dirname(process.execPath), "/usr/bin", "/bin"].join(":"),
        HOME: home,
        PULUMI_HOME: home,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_BACKEND_URL: server.url,
        PULUMI_ACCESS_TOKEN: server.token,
      } as unknown as NodeJS.ProcessEnv,
    });
    let said = "";
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const file = createWriteStream(output);
    child.stdout.pipe(file);
    child.stdin.on("error", () => undefined);
    if (input) createReadStream(input).pipe(child.stdin);
    else child.stdin.end();
    child.once("error", fail);
    child.once("close", (code) => file.end(() => done({ ok: code === 0, said, output })));
  });
}

/** The measurements of a server. */
interface Measure {
  heap: Heap;
  /** Resident memory; absent if the simulators of the storage run in the same process. */
  resident?: { reset: () => void; peak: () => { above: number; all: number }; now: () => number };
}

const inMb = (bytes: number) => (bytes / MB).toFixed(0).padStart(4);

async function trial(name: string, one: Case, session: Omit<Session, "place">, version: string, measure: Measure): Promise<void> {
  const place = project(name, one, version);
  const all = { ...session, place };
  console.log(`\n  ${one.name}`);
  const step = async (what: string, args: string[], check?: (output: string) => string | undefined, input?: string) => {
    measure.heap.reset();
    measure.resident?.reset();
    const started = performance.now();
    const { ok, said, output } = await pulumi(all, args, input);
    const seconds = (performance.now() - started) / 1000;
    const { heap, buffers } = measure.heap.peak();
    const peak = measure.resident?.peak();
    const wrong = !ok
      ? `failed: ${`${said}${readFileSync(output, "utf8").slice(-2000)}`.trim().split("\n").slice(-8).join("\n      ")}`
      : check?.(output);
    const tooMuch = heap + buffers > BOUND * MB ? `more than ${BOUND} MB` : undefined;
    if (wrong || tooMuch) failed++;
    const isolate = `isolate ${inMb(heap + buffers)} MB (heap ${inMb(heap)}, buffers ${inMb(buffers)})`;
    const resident = peak ? `, process ${inMb(peak.above)} of ${inMb(peak.all)} MB` : "";
    console.log(`    ${what.padEnd(24)} ${seconds.toFixed(1).padStart(7)} s  ${isolate}${resident}  ${wrong ?? tooMuch ?? "ok"}`);
  };

  await step("stack init", ["stack", "init", `acme/${name}/dev`]);
  if (one.inConfig) {
    writeFileSync(join(place, "secret"), secretText(0, one.bytes));
    await step("config set --secret", ["config", "set", "--secret", "big"], undefined, join(place, "secret"));
    await step("config get", ["config", "get", "big"], (output) => holds(output, one));
  }
  await step("up", ["up", "--yes", "--skip-preview"]);
  await step("preview", ["preview", "--expect-no-changes"]);
  await step("refresh", ["refresh", "--yes", "--skip-preview"]);
  await step("export --show-secrets", ["stack", "export", "--show-secrets"], (output) => holds(output, one));
  if (one.inConfig) await step("stack output", ["stack", "output", "big", "--show-secrets"], (output) => holds(output, one));
  await step("up again", ["up", "--yes", "--skip-preview", "--expect-no-changes"]);
  await step("destroy", ["destroy", "--yes", "--skip-preview"]);
  await step("stack rm", ["stack", "rm", "--yes"]);
  const left = await measure.heap.collect();
  const resident = measure.resident ? `, process ${inMb(measure.resident.now())} MB` : "";
  console.log(`    ${"after a collection".padEnd(34)}  isolate ${inMb(left)} MB${resident}`);
  rmSync(place, { recursive: true });
}

/** Checks that an output contains each complete secret. @returns the error, if there is one */
function holds(output: string, { count, bytes }: Case): string | undefined {
  const missing = missingSecret(readFileSync(output), [Array.from({ length: count }, () => bytes)]);
  return missing === undefined ? undefined : `secret ${missing} is not in the output`;
}

type Work = (server: BenchServer, measure: Measure) => Promise<void>;

async function withBuilt(work: Work): Promise<void> {
  const files = newFolder();
  const store = await objectStore(files);
  const server = await built({}, frontOf(store.url), undefined, true);
  let heap: Heap | undefined;
  try {
    heap = await watchHeap(server.inspector!);
    const pid = findWorkerd();
    await new Promise((done) => setTimeout(done, 1000));
    const floor = residentBytes(pid) - fileBytes(pid);
    const above = (bytes: number) => bytes - floor - fileBytes(pid);
    const peak = () => ({ above: above(peakBytes(pid)), all: peakBytes(pid) });
    await work(server, { heap, resident: { reset: () => resetPeak(pid), peak, now: () => above(residentBytes(pid)) } });
  } finally {
    heap?.stop();
    await server.stop();
    store.stop();
    rmSync(files, { recursive: true, force: true });
  }
}

async function withDev(work: Work): Promise<void> {
  const port = Number(values.port);
  const server = await wranglerDev(port, port + 1);
  let heap: Heap | undefined;
  try {
    heap = await watchHeap(server.inspector!);
    await work(server, { heap });
  } finally {
    heap?.stop();
    await server.stop();
  }
}

const servers = { built: withBuilt, dev: withDev };
for (const cli of values.cli.split(",")) {
  if (!existsSync(cli)) {
    console.error(`\nThere is no Pulumi CLI at "${cli}", so this release was not tested.`);
    failed++;
    continue;
  }
  const home = mkdtempSync(join(folder, "home-"));
  const env = { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { stdout } = spawnSync(cli, ["version"], { encoding: "utf8", env });
  const version = stdout.trim().replace(/^v/, "");
  for (const kind of values.servers.split(",") as (keyof typeof servers)[]) {
    console.log(`\n${version}, ${kind === "dev" ? "npm run dev" : "the bundle in workerd"}`);
    for (const number of values.cases.split(",").map(Number)) {
      const name = `c${number}-${kind}-${version.replaceAll(".", "-")}`;
      await servers[kind]((server, measure) => trial(name, cases[number - 1]!, { cli, server, home }, version, measure));
    }
  }
}
rmSync(folder, { recursive: true, force: true });
if (failed > 0) console.error(`\n${failed} steps failed`);
process.exit(failed > 0 ? 1 : 0);

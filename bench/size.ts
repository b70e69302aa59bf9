/**
 * `npm run test:size [-- --sizes 20,200 --steps update,noop,…]` runs all operations on a whole state (sizeSteps.ts) with states of the
 * given sizes in MB, in resources of 2 KB each. It uses the wire protocol over real HTTP and the production bundle in workerd. Each size
 * has its own server. For each step it prints three figures: the peak of workerd's resident memory (VmHWM, reset before the step) above the
 * memory after its start, without pages of its program that were loaded before the step; the seconds; and the seconds of workerd's
 * processor time, which a busy machine changes little. R2 is outside that process (store.ts); the idle simulators of D1, KV and queues, and
 * SQLite of the objects, are in it. The command fails if a state is wrong or the memory exceeds the bound.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { BigClient } from "./bigClient.ts";
import { cpuSeconds, fileBytes, findWorkerd, peakBytes, resetPeak, residentBytes } from "./memory.ts";
import { built, newFolder } from "./servers.ts";
import { type Step, steps } from "./sizeSteps.ts";
import { frontOf, objectStore } from "./store.ts";

const { values } = parseArgs({ options: { sizes: { type: "string", default: "20,200" }, steps: { type: "string" } } });
const sizes = values.sizes.split(",").map(Number);
const wanted = (Object.keys(steps) as Step[]).filter(
  (step) => step === "import" || !values.steps || values.steps.split(",").includes(step),
);
const MB = 1024 * 1024;
/** The memory of an isolate at Cloudflare in MB. V8 has the same limit here: with more memory it would delay its garbage collections. */
const BOUND = 128;
process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= `--max-heap-size=${BOUND}`;
/** A slow machine may need longer than a normal lease to send a large journal. */
const vars = { LEASE_SECONDS: "86400" };

let failed = false;
/** Processor time of each measured step, size by size. */
const cpu = new Map<string, number[]>();

async function run(size: number): Promise<void> {
  const folder = newFolder();
  const store = await objectStore(folder);
  const server = await built(vars, frontOf(store.url));
  try {
    const pid = findWorkerd();
    await new Promise((done) => setTimeout(done, 1000));
    const floor = residentBytes(pid) - fileBytes(pid);
    console.log(`\n${size} MB, ${size * 500} resources; memory after the start ${(floor / MB).toFixed(0)} MB`);
    const measure = async (name: string, work: () => Promise<unknown>) => {
      resetPeak(pid);
      const [started, before] = [performance.now(), cpuSeconds(pid)];
      // The memory that workerd would have without any work.
      const nothing = floor + fileBytes(pid);
      const left = residentBytes(pid) - nothing;
      await work();
      report(name, left / MB, (peakBytes(pid) - nothing) / MB, (performance.now() - started) / 1000, cpuSeconds(pid) - before);
    };
    const work = { client: new BigClient(server), big: { resources: size * 500, bytes: MB / 500, stack: "big" }, measure };
    for (const step of wanted) await steps[step](work);
  } finally {
    await server.stop();
    store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param left memory of earlier steps that workerd has not released yet */
function report(name: string, left: number, peak: number, seconds: number, busy: number): void {
  if (peak > BOUND) failed = true;
  cpu.set(name, [...(cpu.get(name) ?? []), busy]);
  const memory = `${left.toFixed(0).padStart(4)} to ${peak.toFixed(0).padStart(4)} MB`;
  const time = `${seconds.toFixed(1).padStart(6)} s ${busy.toFixed(1).padStart(6)} s of processor`;
  console.log(`  ${name.padEnd(26)} ${memory} ${time}${peak > BOUND ? "  TOO MUCH" : ""}`);
}

for (const size of sizes) await run(size);
const [least, most] = [sizes[0]!, sizes.at(-1)!];
if (most > least) {
  console.log(`\nProcessor time of a MB at ${most} MB, times that at ${least} MB; 1 is linear`);
  for (const [name, [first, ...others]] of cpu)
    console.log(`  ${name.padEnd(30)} ${((others.at(-1)! * least) / (first! * most)).toFixed(2)}`);
}
process.exit(failed ? 1 : 0);

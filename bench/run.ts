/**
 * `npm run bench [-- --quick] [--sizes 10,200,600] [--bytes 16384,1024] [--shapes parallel,chain] [--rounds N] [--servers built,dev,file]
 * [--phases up,no-op,…] [--peer URL,TOKEN]` measures deployments of the real CLI against the Worker, and compares them with a server that does nothing, the
 * floor. Compare only ratios of the same run. Rounds alternate between servers, and a figure is the least of its rounds, because noise only
 * adds time. On a busy machine neither the least nor the median of a few rounds is exact, so both ratios are printed. If only one of them
 * meets a goal, the result is open (`?`). All times are written to bench/results/.
 */
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Backend, type Phase, Session, type Workload, findCli, phases, wordsOf } from "./cli.ts";
import { countUp } from "./count.ts";
import { journalLatency } from "./journalLatency.ts";
import { median } from "./percentiles.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built, floor, peer, wranglerDev } from "./servers.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    sizes: { type: "string" },
    bytes: { type: "string", default: "16384" },
    shapes: { type: "string", default: "parallel" },
    rounds: { type: "string" },
    servers: { type: "string" },
    phases: { type: "string" },
    peer: { type: "string" },
  },
});
const sizes = (values.sizes ?? (values.quick ? "10,200" : "10,200,600")).split(",").map(Number);
const workloads: Workload[] = values.shapes
  .split(",")
  .flatMap((shape) =>
    values.bytes
      .split(",")
      .flatMap((bytes) => sizes.map((resources) => ({ resources, bytes: Number(bytes), shape: shape as Workload["shape"] }))),
  );
const wanted = (values.servers ?? (values.quick ? "built" : "built,file")).split(",");
/** `up` creates the state and `destroy` must remove it, so these two phases always run. */
const timed = phases.filter((phase) => !values.phases || phase === "up" || phase === "destroy" || values.phases.split(",").includes(phase));
/** Short commands need more rounds for repeatable figures. */
const roundsOf = (size: number) => Number(values.rounds ?? (values.quick ? (size <= 50 ? 3 : 2) : size <= 50 ? 5 : size <= 300 ? 3 : 2));
/** Largest number of resources for the CLI's own file backend. It rewrites the state at each step, so a larger state would take minutes. */
const FILE_LIMIT = 200;
/** Pause between two commands, so that the work after an answer does not delay the next command. Milliseconds. */
const SETTLE = 400;

/**
 * Upper bound for the time of the first no-op after a create, divided by the time of the second one: a create must not delay the next
 * command.
 */
const DEBT = 1.1;
const goals: Record<string, (phase: Phase) => number> = {
  built: (phase) => (phase === "up" ? 1.05 : 1.1),
  "wrangler dev": () => 1.12,
};

/** Milliseconds of each round. */
type Times = Record<string, Partial<Record<Phase, number[]>>>;

const cli = findCli();
if (!cli) {
  console.log("The Pulumi CLI is not installed (PULUMI_CLI, PATH or ~/.pulumi/bin): nothing to measure.");
  process.exit(0);
}

const servers: BenchServer[] = [];
const stop = () => Promise.allSettled(servers.splice(0).map((server) => server.stop()));
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    // Miniflare ends the process itself at a signal and prints nothing.
    console.error(`\nended by ${signal}`);
    void stop().then(() => process.exit(130));
  });

const results: Record<string, unknown> = { cli };
try {
  servers.push(await floor());
  if (wanted.includes("built")) servers.push(await built());
  if (wanted.includes("dev")) servers.push(await wranglerDev());
  if (values.peer) servers.push(peer(values.peer));
  results["milliseconds"] = await deployments(cli);
  results["counted"] = await counts(cli);
  results["journal"] = await journal();
} finally {
  await stop();
}
writeReport("deployments", results);
process.exit(0);

async function deployments(cli: string) {
  const all: { workload: Workload; times: Times }[] = [];
  for (const [n, workload] of workloads.entries()) {
    const { resources } = workload;
    const times: Times = {};
    for (let round = 0; round < roundsOf(resources); round++) {
      // For the development server every other round is enough, and for the file backend one.
      const backends: (Backend & { name: string })[] = servers.filter(({ name }) => name !== "wrangler dev" || round % 2 === 0);
      if (wanted.includes("file") && resources <= FILE_LIMIT && round === 0) backends.push({ name: "file" });
      // The order is ABBA: the first server of one round is the last one of the next.
      for (const backend of round % 2 === 0 ? backends : backends.toReversed()) {
        const session = await new Session(cli, backend, workload, `s${n}-${resources}-${round}`).begin();
        const own = (times[backend.name] ??= {});
        for (const phase of timed) {
          await wait(SETTLE);
          (own[phase] ??= []).push(await session.time(phase));
        }
        await session.end();
      }
    }
    print(workload, times);
    all.push({ workload, times });
  }
  return all;
}

function print(workload: Workload, times: Times): void {
  const best = (name: string, phase: Phase) => Math.min(...(times[name]?.[phase] ?? [NaN]));
  const middle = (name: string, phase: Phase) => median(times[name]?.[phase] ?? []);
  console.log(`\n${wordsOf(workload)}: least seconds, times the floor by the least and by the median\n`);
  const rows = Object.keys(times).map((name) => [
    name,
    ...timed.map((phase) => {
      const seconds = (best(name, phase) / 1000).toFixed(2);
      if (name === "floor") return seconds;
      const [ratio, byMedian] = [best(name, phase) / best("floor", phase), middle(name, phase) / middle("floor", phase)];
      const goal = goals[name]?.(phase);
      const verdict =
        goal === undefined ? "" : Math.max(ratio, byMedian) <= goal ? " ok" : Math.min(ratio, byMedian) > goal ? " MISS" : " ?";
      return `${seconds}, ${ratio.toFixed(2)} / ${byMedian.toFixed(2)}${verdict}`;
    }),
  ]);
  console.log(table(["", ...timed.map((phase) => `${phase} (${goals["built"]!(phase)})`)], rows));
  console.log();
  for (const name of Object.keys(times)) {
    const [first, second] = [best(name, "no-op"), best(name, "no-op again")];
    if (first && second)
      console.log(`  debt: ${name.padEnd(18)} first no-op ${(first / second).toFixed(2)} times the second (goal ${DEBT.toFixed(2)})`);
  }
  const spread = timed.map((phase) => middle("floor", phase) / best("floor", phase));
  console.log(`  noise: the floor's own median is ${Math.min(...spread).toFixed(2)} to ${Math.max(...spread).toFixed(2)} times its best`);
}

async function counts(cli: string) {
  const counted: Record<string, unknown> = {};
  const server = servers.find(({ name }) => name === "built") ?? servers.find(({ name }) => name !== "peer")!;
  for (const workload of workloads) counted[wordsOf(workload)] = await countUp(cli, server, workload);
  return counted;
}

async function journal() {
  console.log("\njournal batches of 80 KB, one after the other, without other requests: milliseconds");
  const latencies: Record<string, unknown> = {};
  for (const server of servers) {
    const { p50, p99 } = await journalLatency(server);
    console.log(`  ${server.name.padEnd(14)}p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)}`);
    latencies[server.name] = { p50, p99 };
  }
  return latencies;
}

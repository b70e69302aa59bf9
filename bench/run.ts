/**
 * `npm run bench [-- --quick] [--sizes 10,200,600] [--bytes 16384] [--shapes parallel,chain] [--rounds N] [--servers built,dev,file]
 * [--phases up,no-op,…] [--peer URL,TOKEN]` measures the commands of the real CLI against the Worker, and beside it against a server that
 * does nothing, the floor, and against a peer. It prints one table: seconds, and how many times as long as the floor. Compare only ratios of
 * one run. Rounds alternate between servers, and a figure is the median of its rounds. All times are written to bench/results/.
 */
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Backend, type Phase, Session, type Workload, findCli, phases, wordsOf } from "./cli.ts";
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
const wanted = (values.servers ?? "built").split(",");
/** These phases make and remove what the others need, so they always run. */
const needed: readonly Phase[] = ["stack init", "up", "destroy", "stack rm"];
const timed = phases.filter((phase) => !values.phases || needed.includes(phase) || values.phases.split(",").includes(phase));
/** Short commands need more rounds for repeatable figures. */
const roundsOf = (size: number) => Number(values.rounds ?? (values.quick ? (size <= 50 ? 3 : 1) : size <= 50 ? 5 : size <= 300 ? 3 : 1));
/** Largest number of resources for the CLI's own file backend. It rewrites the state at each step, so a larger state would take minutes. */
const FILE_LIMIT = 200;
/** Pause between two commands, so that the work after an answer does not delay the next command. Milliseconds. */
const SETTLE = 400;

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

const results: { workload: Workload; times: Times }[] = [];
try {
  servers.push(await floor());
  if (wanted.includes("built")) servers.push(await built());
  if (wanted.includes("dev")) servers.push(await wranglerDev());
  if (values.peer) servers.push(peer(values.peer));
  for (const [n, workload] of workloads.entries()) {
    const times = await timesOf(workload, cli, n);
    results.push({ workload, times });
    print(workload, times);
  }
  printAll();
} finally {
  await stop();
}
writeReport("deployments", { cli, results });
process.exit(0);

async function timesOf(workload: Workload, cli: string, n: number): Promise<Times> {
  const { resources } = workload;
  const times: Times = {};
  for (let round = 0; round < roundsOf(resources); round++) {
    // For the development server every other round is enough, and for the file backend one.
    const backends: (Backend & { name: string })[] = servers.filter(({ name }) => name !== "wrangler dev" || round % 2 === 0);
    if (wanted.includes("file") && resources <= FILE_LIMIT && round === 0) backends.push({ name: "file" });
    // The order is ABBA: the first server of one round is the last one of the next.
    for (const backend of round % 2 === 0 ? backends : backends.toReversed()) {
      const session = new Session(cli, backend, workload, `s${n}-${resources}-${round}`);
      const own = (times[backend.name] ??= {});
      for (const phase of timed) {
        await wait(SETTLE);
        (own[phase] ??= []).push(await session.time(phase));
      }
      session.close();
    }
  }
  return times;
}

/** Median of a command's rounds, in milliseconds. */
function of(times: Times, name: string, phase: Phase): number {
  return median(times[name]?.[phase] ?? []);
}

function ratio(times: Times, one: string, other: string, phase: Phase): string {
  return (of(times, one, phase) / of(times, other, phase)).toFixed(2);
}

/** A line for each command, with the seconds of each server and how many times as long as the floor it took. */
function print(workload: Workload, times: Times): void {
  const names = Object.keys(times).filter((name) => name !== "floor");
  const seconds = (name: string, phase: Phase) => (of(times, name, phase) / 1000).toFixed(2);
  const rows = timed.map((phase) => [
    phase,
    seconds("floor", phase),
    ...names.flatMap((name) => [seconds(name, phase), ratio(times, name, "floor", phase)]),
  ]);
  console.log(`\n${wordsOf(workload)}, medians of ${roundsOf(workload.resources)}\n`);
  console.log(table(["", "floor s", ...names.flatMap((name) => [`${name} s`, "× floor"])], rows));
  const spreads = timed.map((phase) => of(times, "floor", phase) / Math.min(...times["floor"]![phase]!));
  console.log(`\nnoise: a median of the floor is ${Math.min(...spreads).toFixed(2)} to ${Math.max(...spreads).toFixed(2)} times its least`);
}

/** One table of all workloads for docs/performance.md. */
function printAll(): void {
  if (!wanted.includes("built")) return;
  const rows = timed.map((phase) => [
    phase,
    ...results.map(({ times }) =>
      [
        `${(of(times, "built", phase) / 1000).toFixed(2)} s`,
        ratio(times, "built", "floor", phase),
        ...(values.peer ? [ratio(times, "built", "peer", phase)] : []),
      ].join(", "),
    ),
  ]);
  console.log(`\nseconds of the built Worker, times the floor${values.peer ? ", times the peer" : ""}\n`);
  console.log(table(["", ...results.map(({ workload }) => wordsOf(workload))], rows));
}

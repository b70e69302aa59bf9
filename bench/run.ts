/**
 * `npm run bench [-- --sizes 10,200,600] [--rounds 3] [--servers built,dev] [--quick]`: deployments by the real CLI
 * against our Worker, beside a server that does nothing, in one run. Rounds alternate between servers, and a figure is
 * the least of its rounds: noise only ever adds. Prints tables, writes bench/results/.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Backend, Session, findCli, phases } from "./cli.ts";
import { journalLatency } from "./journal.ts";
import { type Seen, countingProxy } from "./proxy.ts";
import { type BenchServer, built, floor, wranglerDev } from "./servers.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,200,600" },
    rounds: { type: "string", default: "3" },
    servers: { type: "string", default: "built,dev" },
    quick: { type: "boolean", default: false },
  },
});
const sizes = values.quick ? [10, 200] : values.sizes.split(",").map(Number);
const rounds = values.quick ? 2 : Number(values.rounds);
/** The CLI's own file backend rewrites the state at each step; beyond this size it takes minutes. */
const FILE_LIMIT = 200;

const goals: Record<string, Record<string, number>> = {
  built: { up: 1.05, "no-op": 1.1, change: 1.1, export: 1.1, destroy: 1.1 },
  "wrangler dev": { up: 1.12, "no-op": 1.12, change: 1.12, export: 1.12, destroy: 1.12 },
};

const cli = findCli();
if (!cli) {
  console.log("The Pulumi CLI is not installed (PULUMI_CLI, PATH or ~/.pulumi/bin): nothing to measure.");
  process.exit(0);
}

const servers: BenchServer[] = [await floor()];
if (values.servers.includes("built")) servers.push(await built());
if (values.servers.includes("dev") && !values.quick) servers.push(await wranglerDev());

const results: Record<string, unknown> = { date: new Date().toISOString(), cli, rounds };
try {
  results["deployments"] = await deployments(cli);
  results["requests"] = await requests(cli);
  results["journal"] = await journal();
} finally {
  for (const server of servers) await server.stop();
}
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\nWritten to ${file}`);
process.exit(0);

/** Wall times in milliseconds: [size][server][phase]. */
async function deployments(cli: string) {
  const best: Record<number, Record<string, Record<string, number>>> = {};
  for (const size of sizes) {
    const backends: (Backend & { name: string })[] = [...servers, ...(size <= FILE_LIMIT ? [{ name: "file", url: "file" }] : [])];
    const times: Record<string, Record<string, number>> = (best[size] = {});
    for (let round = 0; round < rounds; round++) {
      // ABBA: whoever goes first in one round goes last in the next.
      const order = round % 2 === 0 ? backends : backends.toReversed();
      for (const backend of order) {
        if (backend.name === "file" && round > 0) continue;
        const session = await new Session(cli, backend, size, `s${size}-${round}`).begin();
        const own = (times[backend.name] ??= {});
        for (const phase of phases) own[phase] = Math.min(own[phase] ?? Infinity, await session.time(phase));
        await session.end();
      }
    }
    print(size, times);
  }
  return best;
}

function print(size: number, times: Record<string, Record<string, number>>): void {
  console.log(`\n${size} resources of 16 KB: seconds, and times the floor (goal)`);
  console.log(`  ${"".padEnd(14)}${phases.map((phase) => phase.padStart(22)).join("")}`);
  for (const [name, own] of Object.entries(times)) {
    const cells = phases.map((phase) => {
      const time = own[phase] ?? NaN;
      const ratio = time / (times["floor"]?.[phase] ?? NaN);
      const goal = goals[name]?.[phase];
      const mark = goal === undefined ? "" : ratio <= goal ? " ok" : ` MISS ${goal}`;
      return `${(time / 1000).toFixed(2)} ${name === "floor" ? "" : `${ratio.toFixed(2)}x`}${mark}`.padStart(22);
    });
    console.log(`  ${name.padEnd(14)}${cells.join("")}`);
  }
}

/** One counted `up` for each size, through a proxy and so not timed. */
async function requests(cli: string) {
  const counted: Record<number, unknown> = {};
  const server = servers.find((s) => s.name === "built") ?? servers.at(-1)!;
  for (const size of sizes) {
    const proxy = await countingProxy(server.url);
    const session = await new Session(cli, { url: proxy.url, token: server.token }, size, `counted-${size}`).begin();
    proxy.seen.splice(0);
    await session.time("up");
    proxy.stop();
    counted[size] = summary(size, proxy.seen);
  }
  return counted;
}

function summary(size: number, seen: Seen[]) {
  const routes = new Map<string, { count: number; d1: number; most: number }>();
  for (const { method, route, d1 } of seen) {
    const own = routes.get(`${method} ${route}`) ?? { count: 0, d1: 0, most: 0 };
    routes.set(`${method} ${route}`, { count: own.count + 1, d1: own.d1 + d1, most: Math.max(own.most, d1) });
  }
  const total = seen.reduce((sum, s) => sum + s.d1, 0);
  console.log(`\none up of ${size}: ${seen.length} requests, ${total} round trips to D1`);
  for (const [route, { count, d1, most }] of routes)
    console.log(`  ${String(count).padStart(5)}  ${route.padEnd(60)} D1 ${d1} (most in one request: ${most})`);
  return { requests: seen.length, d1: total, routes: Object.fromEntries(routes) };
}

async function journal() {
  console.log("\none journal batch of 80 KB, one after the other: milliseconds");
  const latencies: Record<string, unknown> = {};
  for (const server of servers) {
    const { p50, p99 } = await journalLatency(server);
    console.log(`  ${server.name.padEnd(14)}p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)}`);
    latencies[server.name] = { p50, p99 };
  }
  return latencies;
}

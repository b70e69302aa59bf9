/**
 * `npm run bench:distance [-- --size N] [--delays 20,100,200]` measures how many sequential requests a command waits for. The real CLI uses
 * a proxy that delays each request. The additional time for each millisecond of delay is the number of requests that the command waited
 * for. It also prints the longest chain of requests that did not overlap.
 */
import { parseArgs } from "node:util";
import { Session, type Workload, findCli, wordsOf } from "./cli.ts";
import { type Seen, countingProxy } from "./proxy.ts";
import { writeReport } from "./report.ts";
import { built } from "./servers.ts";
import { table } from "./table.ts";

const { values } = parseArgs({ options: { size: { type: "string", default: "10" }, delays: { type: "string", default: "20,100,200" } } });
const workload: Workload = { resources: Number(values.size), bytes: 16 * 1024, shape: "parallel" };
const delays = values.delays.split(",").map(Number);
const commands = ["preview", "up", "no-op", "export", "destroy"] as const;
type Command = (typeof commands)[number];

const cli = findCli();
if (!cli) {
  console.log("The Pulumi CLI is not installed (PULUMI_CLI, PATH or ~/.pulumi/bin): nothing to measure.");
  process.exit(0);
}

/**
 * The longest chain of sequential requests. The next one is always the first to end among those that began after the last one had ended.
 */
function chain(seen: Seen[]): Seen[] {
  const links: Seen[] = [];
  for (const request of seen.toSorted((a, b) => a.ended - b.ended)) if (request.started >= (links.at(-1)?.ended ?? 0)) links.push(request);
  return links;
}

/** The additional time for each millisecond of delay, by least squares. */
function slope(times: number[]): number {
  const mean = (numbers: number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  const [x, y] = [mean(delays), mean(times)];
  const covariance = mean(delays.map((delay, i) => (delay - x) * (times[i]! - y)));
  return covariance / mean(delays.map((delay) => (delay - x) ** 2));
}

const server = await built();
try {
  const times = Object.fromEntries(commands.map((command) => [command, [] as number[]])) as Record<Command, number[]>;
  const seen = Object.fromEntries(commands.map((command) => [command, [] as Seen[]])) as Record<Command, Seen[]>;
  for (const delay of delays) {
    const proxy = await countingProxy(server.url, delay);
    const session = await new Session(cli, { url: proxy.url, token: server.token }, workload, `far-${delay}`).begin();
    for (const command of commands) {
      proxy.seen.splice(0);
      times[command].push(await session.time(command));
      seen[command] = proxy.seen.slice();
    }
    await session.end();
    proxy.stop();
  }
  const rows = commands.map((command) => [
    command,
    ...times[command].map((ms) => (ms / 1000).toFixed(2)),
    seen[command].length,
    chain(seen[command]).length,
    slope(times[command]).toFixed(1),
  ]);
  console.log(`\n${wordsOf(workload)}; seconds, requests, the longest chain of them, and how many were waited for\n`);
  console.log(table(["", ...delays.map((delay) => `${delay} ms`), "requests", "in a row", "waited for"], rows));
  for (const command of commands) {
    const counts = new Map<string, number>();
    for (const { method, route } of chain(seen[command])) counts.set(`${method} ${route}`, (counts.get(`${method} ${route}`) ?? 0) + 1);
    console.log(
      `\n${command}, one after the other:\n${[...counts].map(([route, count]) => `  ${String(count).padStart(4)}  ${route}`).join("\n")}`,
    );
  }
  const chains = Object.fromEntries(
    commands.map((command) => [command, chain(seen[command]).map(({ method, route }) => `${method} ${route}`)]),
  );
  writeReport("distance", { ...workload, delays, milliseconds: times, chains });
} finally {
  await server.stop();
}
process.exit(0);

/** Counts the requests of one `up`. They go through a proxy, so this is not the run that is timed. */
import { Session, type Workload, wordsOf } from "./cli.ts";
import { percentiles } from "./percentiles.ts";
import { type Seen, countingProxy } from "./proxy.ts";
import type { BenchServer } from "./servers.ts";

export async function countUp(cli: string, server: BenchServer, workload: Workload) {
  const proxy = await countingProxy(server.url);
  const session = await new Session(cli, { url: proxy.url, token: server.token }, workload, `counted-${workload.resources}`).begin();
  proxy.seen.splice(0);
  await session.time("up");
  const counted = summary(proxy.seen.splice(0));
  await session.time("destroy");
  await session.end();
  proxy.stop();

  const { requests, d1, journal, routes } = counted;
  console.log(`\none up of ${wordsOf(workload)} on ${server.name}: ${requests} requests, ${d1} round trips to D1`);
  console.log(`  a journal request: p50 ${journal.p50.toFixed(1)} ms, p99 ${journal.p99.toFixed(1)} ms, while the CLI works`);
  for (const [route, { count, d1, most }] of Object.entries(routes))
    console.log(`  ${String(count).padStart(5)}  ${route.padEnd(52)} D1 ${d1}${count > 1 ? `, at most ${most} in one` : ""}`);
  return counted;
}

function summary(seen: Seen[]) {
  const routes: Record<string, { count: number; d1: number; most: number }> = {};
  for (const { method, route, d1 } of seen) {
    const own = (routes[`${method} ${route}`] ??= { count: 0, d1: 0, most: 0 });
    own.count++;
    own.d1 += d1;
    own.most = Math.max(own.most, d1);
  }
  return {
    requests: seen.length,
    d1: seen.reduce((sum, { d1 }) => sum + d1, 0),
    journal: percentiles(seen.filter(({ route }) => route.endsWith("/journalentries")).map(({ started, ended }) => ended - started)),
    routes,
  };
}

/**
 * `npm run bench:journal [-- --rounds N]` splits the time of a journal request into its parts. A deployment waits for this request: 80 KB
 * gzipped, one at a time. Each line of the table does the work of the line before and one thing more, so the difference is the cost of that
 * thing. Lines run alternately; a figure is the least of the rounds' medians.
 */
import { parseArgs } from "node:util";
import { journalBatch, newStack, startUpdate } from "./api.ts";
import { percentiles } from "./percentiles.ts";
import { writeReport } from "./report.ts";
import { built } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "6" } } });
const rounds = Number(values.rounds);
const REQUESTS = 60;

const server = await built({}, undefined, "bench/withFloor/index.ts");
try {
  const bodies = Array.from({ length: rounds * REQUESTS }, (_, i) => journalBatch(i));
  const { path, lease } = await startUpdate(server, await newStack(server, "budget"));
  const to = (place: string) => (i: number) => requestBytes("POST", place, "", bodies[i], true);
  const lines: Record<string, (i: number) => Buffer> = {
    "HTTP, and a Worker that answers": () => requestBytes("GET", "/bench/floor", ""),
    "the body arrives": to("/bench/body"),
    "it goes on to an object": to("/bench/object"),
    "the object stores it, and answers when it is durable": to("/bench/store"),
    "ours: lease, routing, inflating, checking": (i) => requestBytes("PATCH", `${path}/journalentries`, lease, bodies[i], true),
  };
  const connection = new Connection(server.url);
  const least: Record<string, number> = {};
  for (let round = 0; round < rounds; round++)
    for (const [name, make] of Object.entries(lines)) {
      const times: number[] = [];
      for (let i = round * REQUESTS; i < (round + 1) * REQUESTS; i++) {
        const request = make(i);
        const started = performance.now();
        const { status, body } = await connection.send(request);
        if (status >= 300) throw new Error(`${name}: ${status} ${body}`);
        times.push(performance.now() - started);
      }
      least[name] = Math.min(least[name] ?? Infinity, percentiles(times).p50);
    }
  const totals = Object.values(least);
  const rows = Object.entries(least).map(([name, ms], i) => [name, (ms - (totals[i - 1] ?? 0)).toFixed(2), ms.toFixed(2)]);
  console.log(`\n${table(["One journal request", "ms", "so far"], rows)}`);
  writeReport("journal", { milliseconds: least });
} finally {
  await server.stop();
}
process.exit(0);

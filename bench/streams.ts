/**
 * `npm run bench:streams [-- --seconds 20] [--rounds 3] [--rate 100] [--hook-rate 10]` measures how long an audit event takes from its time to
 * its destination: a stream at `--rate` events a second, and then nine destinations with and without a tenth one that never answers, for streams
 * and for webhooks. The rounds with and without it alternate (ABBA), so compare only these two. All destinations are in this process.
 */
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { median, percentiles } from "./percentiles.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    rate: { type: "string", default: "100" },
    "hook-rate": { type: "string", default: "10" },
  },
});
const [seconds, rounds, rate, hookRate] = [values.seconds, values.rounds, values.rate, values["hook-rate"]].map(Number) as [
  number,
  number,
  number,
  number,
];

/** Goals: the 99th percentile of the lag in milliseconds, and its change by a destination that hangs. */
const LAG = 5000;
const CHANGE = 1.1;
const GOOD = 9;
/** Connections of the load. The event of each request is the creation of a stack. */
const CONNECTIONS = 16;
/** Milliseconds that the last events of a round may take. */
const PATIENCE = 60_000;

type Kind = "streams" | "webhooks";

/** When each event of the round happened, by the name of its stack. Milliseconds since 1970. */
const happened = new Map<string, number>();
/** Milliseconds from an event to each good destination. */
let lags: number[] = [];
let arrivedTwice = 0;
const seen = new Set<string>();
let held = 0;

/** The good destinations are paths of one server. `/hang` takes a message and never answers. */
async function startReceiver(): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === "/hang") return void held++;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      response.end("ok");
      const text = Buffer.concat(chunks).toString();
      // A record has the name of its stack several times.
      for (const stack of new Set<string>(text.match(/lag-\d+-\d+/g) ?? [])) note(`${request.url} ${stack}`, stack);
    });
    return undefined;
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

function note(arrival: string, stack: string): void {
  const at = happened.get(stack);
  if (at === undefined) return;
  if (seen.has(arrival)) return void arrivedTwice++;
  seen.add(arrival);
  lags.push(Date.now() - at);
}

let made = 0;
/** The lowest rate that a round reached, as a share of the rate that it should have. */
let reached = 1;

/** Creates stacks at a steady rate, whatever the time of the answers is, and waits until each event is everywhere. */
async function round(server: BenchServer, perSecond: number, destinations: number): Promise<number[]> {
  happened.clear();
  seen.clear();
  lags = [];
  const number = made++;
  const count = perSecond * seconds;
  const free = Array.from({ length: CONNECTIONS }, () => new Connection(server.url));
  const all = [...free];
  const started = performance.now();
  const running = new Set<Promise<void>>();
  for (let i = 0; i < count; i++) {
    const due = started + (i * 1000) / perSecond;
    if (due > performance.now()) await wait(due - performance.now());
    while (free.length === 0) await Promise.race(running);
    const connection = free.pop()!;
    const name = `lag-${number}-${i}`;
    const request = requestBytes("POST", "/api/stacks/acme/bench", `token ${server.token}`, JSON.stringify({ stackName: name }));
    happened.set(name, Date.now());
    const one: Promise<void> = connection.send(request).then(({ status, body }) => {
      if (status >= 300) throw new Error(`no stack: ${status} ${body}`);
      free.push(connection);
      running.delete(one);
    });
    running.add(one);
  }
  await Promise.all(running);
  const took = performance.now() - started;
  const deadline = Date.now() + PATIENCE;
  while (lags.length < count * destinations && Date.now() < deadline) await wait(100);
  if (lags.length < count * destinations) throw new Error(`${count * destinations - lags.length} events are missing`);
  for (const connection of all) connection.close();
  reached = Math.min(reached, (seconds * 1000) / took);
  return lags;
}

async function call(server: BenchServer, method: string, path: string, body: object = {}): Promise<Record<string, string>> {
  const response = await fetch(`${server.url}/api/orgs/acme${path}`, {
    method,
    headers: { Authorization: `token ${server.admin}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, string>);
}

const hook = (url: string, name: string, active: boolean) => ({
  organizationName: "acme",
  name,
  displayName: name,
  payloadUrl: url,
  active,
  filters: ["stack_created"],
});

/** Adds a destination of either kind. @returns its id or name */
async function add(server: BenchServer, kind: Kind, url: string, name: string): Promise<string> {
  if (kind === "webhooks") return (await call(server, "POST", "/hooks", hook(url, name, true)))["name"]!;
  return (await call(server, "POST", "/audit-streams", { name, from: "now", destination: { kind: "https", url } }))["id"]!;
}

/** Switches a destination on or off. One that is switched on is tried at once. */
async function set(server: BenchServer, kind: Kind, url: string, id: string, isOn: boolean): Promise<void> {
  if (kind === "webhooks") await call(server, "PATCH", `/hooks/${id}`, hook(url, id, isOn));
  else await call(server, "POST", `/audit-streams/${id}/${isOn ? "resume" : "pause"}`);
}

const remove = (server: BenchServer, kind: Kind, id: string) =>
  call(server, "DELETE", kind === "webhooks" ? `/hooks/${id}` : `/audit-streams/${id}`);

async function beside(server: BenchServer, kind: Kind, origin: string, perSecond: number) {
  const good: string[] = [];
  for (let i = 0; i < GOOD; i++) good.push(await add(server, kind, `${origin}/${i}`, `good-${i}`));
  const url = `${origin}/hang`;
  const hanging = await add(server, kind, url, "hanging");
  await set(server, kind, url, hanging, false);
  const p99: Record<"without" | "with", number[]> = { without: [], with: [] };
  const p50: typeof p99 = { without: [], with: [] };
  await round(server, perSecond, GOOD);
  for (let i = 0; i < rounds; i++)
    for (const which of i % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)) {
      const before = held;
      await set(server, kind, url, hanging, which === "with");
      const found = percentiles(await round(server, perSecond, GOOD));
      if (held > before !== (which === "with")) throw new Error("the tenth destination was not what it should be");
      p99[which].push(found.p99);
      p50[which].push(found.p50);
    }
  for (const id of [...good, hanging]) await remove(server, kind, id);
  return { perSecond, p50, p99, change: median(p99.with) / median(p99.without) };
}

const receiver = await startReceiver();
const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
const server = await built();
let isMissed = false;
try {
  const results: Record<string, unknown> = { seconds, rounds };
  const only = await add(server, "streams", `${origin}/only`, "only");
  await round(server, rate, 1);
  const one = percentiles(await round(server, rate, 1));
  await remove(server, "streams", only);
  console.log(
    `\none stream at ${rate} events/s for ${seconds} s: lag p50 ${one.p50} ms, p99 ${one.p99} ms (goal ${LAG})${one.p99 > LAG ? " MISS" : ""}`,
  );
  results["lag"] = { rate, ...one };
  isMissed ||= one.p99 > LAG;

  console.log(`\n${GOOD} destinations, and ${GOOD} beside one that hangs: medians of ${rounds} rounds of ${seconds} s\n`);
  const rows: (string | number)[][] = [];
  for (const [kind, perSecond] of [
    ["streams", rate],
    ["webhooks", hookRate],
  ] as const) {
    const found = await beside(server, kind, origin, perSecond);
    results[kind] = found;
    const isMiss = found.change > CHANGE;
    isMissed ||= isMiss;
    const { p50, p99 } = found;
    const ms = (times: number[]) => Math.round(median(times));
    rows.push([
      kind,
      perSecond,
      ms(p50.without),
      ms(p50.with),
      ms(p99.without),
      ms(p99.with),
      found.change.toFixed(2) + (isMiss ? " MISS" : ""),
    ]);
  }
  console.log(table(["", "events/s", "p50 ms", "p50 beside", "p99 ms", "p99 beside", `change (goal ${CHANGE})`], rows));
  if (reached < 0.95)
    console.log(`\nA round reached ${Math.round(reached * 100)} % of its rate only: the machine is too busy for these figures.`);
  Object.assign(results, { arrivedTwice, reached });
  writeReport("streams", results);
} finally {
  await server.stop();
  receiver.closeAllConnections();
  receiver.close();
}
process.exit(isMissed ? 1 : 0);

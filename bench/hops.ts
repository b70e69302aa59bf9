/**
 * `npm run bench:hops [-- --size 10] [--rounds 15] [--runs 5] [--against FOLDER,…] [--peer URL,TOKEN]` accounts for the requests of
 * `stack init`, `up` and `stack rm`. It records one session of the real CLI against our Worker, and repeats its requests one after the other,
 * in turns, at a server that stores nothing (the floor), at our Worker, and at other servers: figures are medians of the rounds. In as many
 * other rounds, our Worker says how long each request waited for KV, D1, R2 and the stack's object (`withFloor/`); the rest is HTTP and the
 * Worker's own code. At the end the real CLI runs the commands at each server, so that the sum of the requests can be compared with the
 * difference of the whole command. `--against` names folders of other checkouts.
 */
import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { Session, type Workload, findCli, wordsOf } from "./cli.ts";
import { median } from "./percentiles.ts";
import { type Seen, type Sent, chain, countingProxy } from "./proxy.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built, floor, peer } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "10" },
    rounds: { type: "string", default: "15" },
    runs: { type: "string", default: "5" },
    against: { type: "string" },
    peer: { type: "string" },
  },
});
const workload: Workload = { resources: Number(values.size), bytes: 16 * 1024, shape: "parallel" };
const commands = ["stack init", "up", "destroy", "stack rm"] as const;
type Command = (typeof commands)[number];
/** `destroy` is only there because `stack rm` needs an empty stack. */
const shown = commands.filter((command) => command !== "destroy");
const RECORDED = "recorded-stack";
/** Rounds before the measurement, until the JIT compilers have optimized the code. */
const WARM_UP = 4;
/** Pause after each command, as between two commands of the CLI. Milliseconds. */
const SETTLE = 100;

const cli = findCli();
if (!cli) {
  console.log("The Pulumi CLI is not installed (PULUMI_CLI, PATH or ~/.pulumi/bin): nothing to measure.");
  process.exit(0);
}

interface Call extends Seen {
  command: Command;
  path: string;
  /** The scheme of its credential: `token`, `update-token` or "". */
  credential: string;
  /** The JSON of the answer, inflated. */
  body: string;
  gzip: boolean;
  /** The command waited for the answer before it sent its next request. */
  inRow: boolean;
}

async function record(server: BenchServer): Promise<Call[]> {
  const calls: Call[] = [];
  let command: Command = "stack init";
  const keep = ({ path, headers, body }: Sent, seen: Seen) => {
    const gzip = headers["content-encoding"] === "gzip";
    const text = (gzip ? gunzipSync(body) : body).toString();
    const [credential = ""] = (headers.authorization ?? "").split(" ");
    calls.push({ ...seen, command, path, credential, body: text, gzip, inRow: false });
  };
  const proxy = await countingProxy(server.url, 0, keep);
  const session = new Session(cli!, { url: proxy.url, token: server.token }, workload, RECORDED);
  for (command of commands) await session.time(command);
  session.close();
  proxy.stop();
  for (const one of commands) for (const call of chain(calls.filter((own) => own.command === one))) (call as Call).inRow = true;
  return calls.toSorted((a, b) => a.started - b.started);
}

/** The milliseconds for which a request waited for each place, as our Worker reports them (`withFloor/`). */
interface Spent {
  kv: number;
  d1: number;
  r2: number;
  object: number;
  inner: number;
}
const noTime: Spent = { kv: 0, d1: 0, r2: 0, object: 0, inner: 0 };

/** Sends the recorded requests with a new stack. @returns the milliseconds of each, and what the Worker reports about it */
async function repeat(server: BenchServer, calls: Call[], stack: string, more?: string): Promise<{ ms: number; spent: Spent }[]> {
  let [updateId, lease] = ["", ""];
  let connection: Connection | undefined;
  const times: { ms: number; spent: Spent }[] = [];
  for (const [i, call] of calls.entries()) {
    const path = call.path.replaceAll(RECORDED, stack).replace(/\/(update|destroy)\/[^/]+/, `/$1/${updateId}`);
    const authorization = { token: `token ${server.token}`, "update-token": `update-token ${lease}` }[call.credential] ?? "";
    const text = call.body.replaceAll(RECORDED, stack);
    const request = requestBytes(call.method, path, authorization, call.gzip ? gzipSync(text, { level: 1 }) : text, call.gzip, more);
    if (calls[i - 1]?.command !== call.command) {
      connection?.close();
      await new Promise((done) => setTimeout(done, SETTLE));
      // The CLI is a new process, with a new connection.
      connection = new Connection(server.url);
    }
    const started = performance.now();
    const { status, head, body } = await connection!.send(request);
    const [, spent] = /^X-Bench-Spent: (.*)$/im.exec(head) ?? [];
    times.push({ ms: performance.now() - started, spent: spent ? (JSON.parse(spent) as Spent) : noTime });
    if (status >= 400 && status !== 404) throw new Error(`${server.name}: ${call.method} ${path}: ${status} ${body}`);
    if (/\/(update|destroy)$/.test(path)) updateId = (JSON.parse(body) as { updateID: string }).updateID;
    if (updateId && path.endsWith(updateId)) lease = (JSON.parse(body) as { token: string }).token;
  }
  connection?.close();
  return times;
}

/** Milliseconds of each bare route, and of our Worker's part of a call to each place. */
async function bareRoutes(server: BenchServer) {
  const state = requestBytes("PUT", "/bench/state", "", randomBytes(workload.resources * 50 * 1024));
  const small = Buffer.from("{}");
  const routes = {
    answer: requestBytes("GET", "/bench/floor", ""),
    wait: requestBytes("GET", "/bench/wait", ""),
    kv: requestBytes("GET", "/bench/kv", ""),
    read: requestBytes("GET", "/bench/read", ""),
    write: requestBytes("POST", "/bench/write", ""),
    object: requestBytes("POST", "/bench/object", "", small),
    newObject: requestBytes("POST", "/bench/new/object", "", small),
    store: requestBytes("POST", "/bench/store", "", small),
    r2Write: state,
    r2Read: requestBytes("GET", "/bench/state", ""),
  };
  const connection = new Connection(server.url);
  const times: Record<string, number[]> = {};
  for (let round = 0; round < 10; round++)
    for (const [name, request] of Object.entries(routes))
      for (let i = 0; i < 12; i++) {
        const started = performance.now();
        const { status } = await connection.send(request);
        if (status >= 300) throw new Error(`the bare route ${name}: ${status}`);
        if (round > 0) (times[name] ??= []).push(performance.now() - started);
      }
  connection.close();
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)])) as Record<keyof typeof routes, number>;
}

const servers: BenchServer[] = [];
try {
  const ours = { ...(await built({}, undefined, "bench/withFloor/index.ts")), name: "ours" };
  servers.push(await floor(), ours);
  for (const folder of values.against?.split(",") ?? [])
    servers.push({ ...(await built({}, undefined, join(folder, "bench/withFloor/index.ts"))), name: basename(folder) });
  if (values.peer) servers.push(peer(values.peer));
  const calls = await record(ours);
  const prefix = `h${Date.now().toString(36)}`;
  const times: Record<string, number[][]> = {};
  const said: { ms: number; spent: Spent }[][] = [];
  const rounds = Number(values.rounds);
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      const one = await repeat(server, calls, `${prefix}-${round + WARM_UP}`);
      if (round >= 0) (times[server.name] ??= []).push(one.map(({ ms }) => ms));
    }
    if (round >= 0) said.push(await repeat(ours, calls, `${prefix}-timed-${round}`, "X-Bench-Timed: yes"));
  }
  const of = (name: string) => calls.map((_, i) => median(times[name]!.map((one) => one[i]!)));
  const medians = Object.fromEntries(servers.map(({ name }) => [name, of(name)]));
  const bare = await bareRoutes(ours);
  const list = Object.entries(bare).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  console.log(`\nbare routes of our Worker, ms: ${list.join(", ")}`);

  const parts = calls.map((call, i) => {
    // The slowest third is left out as noise.
    const own = said.map((one) => one[i]!).toSorted((one, other) => one.ms - other.ms);
    const quiet = own.slice(0, Math.ceil((own.length * 2) / 3));
    const mean = (pick: (one: Spent) => number) => quiet.reduce((sum, { spent }) => sum + pick(spent), 0) / quiet.length;
    // To read the clock, each call that the object makes has waited for an event.
    const waited = call.object > 0 ? (call.d1 + call.r2) * (bare.wait - bare.answer) : 0;
    const [kv, d1, r2] = [mean((one) => one.kv), mean((one) => one.d1), mean((one) => one.r2)];
    const object = mean((one) => one.object - one.inner) - waited;
    return { kv, d1, object, r2, rest: medians["ours"]![i]! - kv - d1 - object - r2 };
  });

  const others = servers.slice(1).map(({ name }) => name);
  const names = ["kv", "d1", "object", "r2", "rest"] as const;
  const lineOf = (list: number[]) => [
    ...servers.map(({ name }) => list.reduce((sum, i) => sum + medians[name]![i]!, 0).toFixed(1)),
    ...names.map((name) => list.reduce((sum, i) => sum + parts[i]![name], 0).toFixed(1)),
  ];
  const head = [...servers.map(({ name }) => name), "of ours: KV", "D1", "object", "R2", "HTTP, own code"];
  for (const command of shown) {
    const groups = new Map<string, number[]>();
    for (const [i, call] of calls.entries()) {
      if (call.command !== command) continue;
      const name = `${call.method} ${call.route}${call.inRow ? "" : " (beside)"}`;
      groups.set(name, [...(groups.get(name) ?? []), i]);
    }
    const own = calls.flatMap((call, i) => (call.command === command && call.inRow ? [i] : []));
    console.log(`\n${command}, ms\n`);
    console.log(
      table(
        ["", "count", ...head],
        [
          ...[...groups].map(([name, list]) => [name, list.length, ...lineOf(list)]),
          ["all that the command waits for in a row", own.length, ...lineOf(own)],
        ],
      ),
    );
  }

  const whole: Record<string, Record<string, number[]>> = {};
  for (let run = 0; run < Number(values.runs); run++)
    for (const server of run % 2 === 0 ? servers : servers.toReversed()) {
      const session = new Session(cli, server, workload, `${prefix}-cli-${run}`);
      for (const command of commands) {
        await new Promise((done) => setTimeout(done, 400));
        ((whole[command] ??= {})[server.name] ??= []).push(await session.time(command));
      }
      session.close();
    }
  if (Number(values.runs) > 0) {
    console.log(`\nthe real CLI, ${wordsOf(workload)}: medians of ${values.runs} runs, ms, and the difference to the floor\n`);
    console.log(
      table(
        ["", "floor", ...others],
        shown.map((command) => {
          const least = median(whole[command]!["floor"]!);
          return [
            command,
            least.toFixed(0),
            ...others.map((name) => {
              const ms = median(whole[command]![name]!);
              return `${ms.toFixed(0)}, ${(ms - least).toFixed(0)} more, ${(ms / least).toFixed(2)}`;
            }),
          ];
        }),
      ),
    );
  }
  writeReport("hops", {
    workload,
    bare,
    calls: calls.map(({ command, method, route, inRow }, i) => ({
      command,
      method,
      route,
      inRow,
      ms: Object.fromEntries(servers.map(({ name }) => [name, medians[name]![i]])),
      parts: parts[i],
    })),
    whole,
  });
} finally {
  for (const server of servers) await server.stop();
}
process.exit(0);

/**
 * `npm run bench:bundle [-- --rounds N] [--beside NAME=FOLDER]…` measures the size of the Worker, the sizes of its parts, and the cost of its
 * start. This cost is the processor time of all threads of workerd until it listens, because then all modules have run, minus the time of an
 * empty Worker. `--beside` starts other bundles in turns with it, so that they can be compared: a folder has the files that `wrangler deploy
 * --dry-run --outdir FOLDER` writes. It also measures the first request of a fresh isolate. `wrangler check startup` runs a profiler, which
 * makes it several times as slow.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { startBuilt } from "../scripts/built.ts";
import { prepare } from "../scripts/prepare.ts";
import { type Metafile, bytesOfModules, startOf } from "../scripts/start.ts";
import { mustWrangle } from "../scripts/wrangler.ts";
import { processorTime } from "./processor.ts";
import { writeReport } from "./report.ts";
import { newFolder } from "./servers.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "12" }, beside: { type: "string", multiple: true, default: [] } },
});
const rounds = Number(values.rounds);
const folder = newFolder();

/** Bytes of each package and of each folder of src, largest first. */
function contents(meta: Metafile): [string, number][] {
  const sums = new Map<string, number>();
  for (const [path, bytes] of bytesOfModules(meta)) {
    const [part = path] = /(?<=node_modules\/)(?:@[^/]+\/)?[^/]+|src\/[^/]+/.exec(path) ?? [];
    sums.set(part, (sums.get(part) ?? 0) + bytes);
  }
  return [...sums].toSorted(([, a], [, b]) => b - a);
}

const empty = `export default { fetch: () => new Response("") };`;

/** Configuration of a server with one module on a free port. */
const config = (name: string) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "index.js", esModule = embed "${name}")],
    compatibilityDate = "2026-10-01",
    bindings = [(name = "LEASE_SECONDS", text = "300")],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);`;

async function start(name: string): Promise<number> {
  const require = createRequire(createRequire(import.meta.url).resolve("miniflare"));
  const workerd = (require("workerd") as { default: string }).default;
  const child: ChildProcess = spawn(workerd, ["serve", join(folder, `${name}.capnp`), "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  try {
    // The process listens after its modules have run.
    await once(createInterface(child.stdio[3] as NodeJS.ReadableStream), "line");
    return processorTime(child.pid!);
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

/** The least value, and the lower quartile. */
const low = (times: number[]): [least: number, quartile: number] => {
  const sorted = times.toSorted((a, b) => a - b);
  return [sorted[0]!, sorted[Math.floor((sorted.length - 1) / 4)]!];
};

/** Starts each bundle in turns, and backwards in every other round. @returns milliseconds above an empty Worker, by name */
async function starts(): Promise<Map<string, [least: number, quartile: number]>> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "empty.js"), empty);
  const beside = values.beside.map((one) => one.split("=") as [name: string, from: string]);
  for (const [name, from] of beside) cpSync(join(from, "index.js"), join(folder, `${name}.js`));
  const names = ["empty", "index", ...beside.map(([name]) => name)];
  for (const name of names) writeFileSync(join(folder, `${name}.capnp`), config(`${name}.js`));
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 ? names.toReversed() : names) times.get(name)!.push(await start(name));
  const [least, quartile] = low(times.get("empty")!);
  return new Map(
    names.slice(1).map((name) => {
      const [first, second] = low(times.get(name)!);
      return [name, [first - least, second - quartile]];
    }),
  );
}

/** A Worker that reads once from KV and once from D1, and does nothing else. */
const reads = `import { DurableObject } from "cloudflare:workers";
export class StackCoordinator extends DurableObject {}
export class AuditSender extends DurableObject {}
export class WebhookSender extends DurableObject {}
export class WebhookDispatcher extends DurableObject {}
export default {
  async fetch(request, env) {
    await env.TOKEN_CACHE.get("none");
    await env.DB.prepare("SELECT 1").all();
    return Response.json({});
  },
};`;

/** Milliseconds of the first `GET /api/user` of a fresh isolate and of the second one, for the Worker and for one that only reads. */
async function firstRequests(): Promise<Record<"first" | "second", Record<"worker" | "reads", number>>> {
  const data = newFolder();
  const credentials = await prepare(data, "");
  const headers = { Authorization: `token ${credentials.organizations["acme"]!["admin"]!}` };
  const times = { worker: [[], []], reads: [[], []] } as Record<"worker" | "reads", [number[], number[]]>;
  for (let round = 0; round < rounds; round++)
    for (const name of ["worker", "reads"] as const) {
      const server = await startBuilt(folder, data, 0, {}, name === "reads" ? reads : undefined, () => undefined);
      for (const list of times[name]) {
        const began = performance.now();
        const response = await fetch(`${server.url}/api/user`, { headers });
        await response.arrayBuffer();
        list.push(performance.now() - began);
        if (!response.ok) throw new Error(`${name}: ${response.status}`);
      }
      await server.stop();
    }
  rmSync(data, { recursive: true, force: true });
  const of = (which: 0 | 1) => ({ worker: low(times.worker[which])[1], reads: low(times.reads[which])[1] });
  return { first: of(0), second: of(1) };
}

mustWrangle(["deploy", "--dry-run", "--outdir", folder, "--metafile", join(folder, "meta.json")]);
const bundle = readFileSync(join(folder, "index.js"));
const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Metafile;
const kib = (bytes: number) => (bytes / 1024).toFixed(1);
const parts = contents(meta);
const gzip = gzipSync(bundle).length;
const { evaluated, cost } = startOf(meta);
const startups = await starts();
const requests = await firstRequests();
const ms = (time: number) => time.toFixed(1);
console.log(
  table(
    ["What is in the Worker", "KiB, minified"],
    parts.map(([name, bytes]) => [name, kib(bytes)]),
  ),
);
console.log();
console.log(
  table(
    ["", "measured"],
    [
      ["size", `${kib(bundle.length)} KiB`],
      ["gzip", `${kib(gzip)} KiB`],
      ["evaluated at the start", `${evaluated.toFixed(0)} KiB`],
      ["cost of the start, for `npm run check`", cost.toFixed(0)],
    ],
  ),
);
console.log();
console.log(
  table(
    ["Start, processor time above an empty Worker, ms", "least", "lower quartile"],
    [...startups].map(([name, times]) => [name === "index" ? "this Worker" : name, ...times.map(ms)]),
  ),
);
console.log();
console.log(
  table(
    ["`GET /api/user` in a fresh isolate, ms", "first", "second"],
    (["worker", "reads"] as const).map((name) => [
      name === "worker" ? "this Worker" : "one read of KV and one of D1",
      ms(requests.first[name]),
      ms(requests.second[name]),
    ]),
  ),
);
writeReport("bundle", {
  bytes: bundle.length,
  gzip,
  cost,
  startups: Object.fromEntries(startups),
  requests,
  parts: Object.fromEntries(parts),
});
rmSync(folder, { recursive: true, force: true });

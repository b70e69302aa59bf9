/**
 * `npm run bench:bundle [-- --rounds N]` measures the size of the Worker, the sizes of its parts, and the cost of its start. This cost is
 * the processor time of all threads of workerd until it listens, because then all modules have run, minus the time of an empty Worker.
 * Rounds alternate, and each figure is the least of its rounds. `wrangler check startup` runs a profiler, which makes it several times as
 * slow.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { mustWrangle } from "../scripts/wrangler.ts";
import { processorTime } from "./processor.ts";
import { writeReport } from "./report.ts";
import { newFolder } from "./servers.ts";
import { table } from "./table.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "12" } } });
const folder = newFolder();

interface Metafile {
  outputs: Record<string, { entryPoint?: string; inputs: Record<string, { bytesInOutput: number }> }>;
}

/** Bytes of each package and of each folder of src, largest first. */
function contents(): [string, number][] {
  const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Metafile;
  const inputs = Object.values(meta.outputs).find(({ entryPoint }) => entryPoint)?.inputs ?? {};
  const sums = new Map<string, number>();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const [part = path] = /(?<=node_modules\/)(?:@[^/]+\/)?[^/]+|src\/[^/]+/.exec(path) ?? [];
    sums.set(part, (sums.get(part) ?? 0) + bytesInOutput);
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
    // It listens after its modules have run.
    await once(createInterface(child.stdio[3] as NodeJS.ReadableStream), "line");
    return processorTime(child.pid!);
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

async function starts(): Promise<number> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "empty.js"), empty);
  for (const name of ["index", "empty"]) writeFileSync(join(folder, `${name}.capnp`), config(`${name}.js`));
  const least = { index: Infinity, empty: Infinity };
  for (let round = 0; round < Number(values.rounds); round++)
    for (const name of ["index", "empty"] as const) least[name] = Math.min(least[name], await start(name));
  return least.index - least.empty;
}

mustWrangle(["deploy", "--dry-run", "--outdir", folder, "--metafile", join(folder, "meta.json")]);
const bundle = readFileSync(join(folder, "index.js"));
const kib = (bytes: number) => (bytes / 1024).toFixed(1);
const parts = contents();
const gzip = gzipSync(bundle).length;
const startup = await starts();
console.log(
  table(
    ["What is in the Worker", "KiB, minified"],
    parts.map(([name, bytes]) => [name, kib(bytes)]),
  ),
);
console.log();
console.log(
  table(
    ["", "measured", "goal"],
    [
      ["size", `${kib(bundle.length)} KiB`, ""],
      ["gzip", `${kib(gzip)} KiB`, "150 KiB"],
      ["start, processor time", `${startup.toFixed(0)} ms`, "50 ms"],
    ],
  ),
);
writeReport("bundle", { bytes: bundle.length, gzip, startupMs: startup, parts: Object.fromEntries(parts) });
rmSync(folder, { recursive: true, force: true });

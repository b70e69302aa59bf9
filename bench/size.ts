/**
 * `npm run test:size [-- --sizes 20,200]`: a state of so many MB, in resources of 2 KB each, goes through everything that touches a whole
 * state, by the wire protocol over real HTTP, against the production bundle in workerd. Each size has a server of its own. For each
 * step: seconds, and the peak of workerd's resident memory (VmHWM, reset before the step) above what it had after its start. R2 is
 * outside that process (store.ts); the idle simulators of D1, KV and queues, and SQLite of the objects, are in it. Ends with an error when a
 * state comes out other than it must, or when memory goes above the bound.
 */
import { rmSync } from "node:fs";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { createGzip, gzipSync } from "node:zlib";
import { type Big, type Order, afterUpdate, asImported, deployment, elements, resourceText } from "./bigState.ts";
import { findWorkerd, peakBytes, resetPeak, residentBytes } from "./memory.ts";
import { type BenchServer, built, newFolder } from "./servers.ts";
import { frontOf, objectStore } from "./store.ts";

const { values } = parseArgs({ options: { sizes: { type: "string", default: "20,200" } } });
const MB = 1024 * 1024;
/** What Cloudflare gives an isolate, and so what V8 shall have here; else it would put off collecting, having all the machine. */
const BOUND = 128;
process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= `--max-heap-size=${BOUND}`;

let server: BenchServer;
let token = "";
let pid = 0;
let floor = 0;
let failed = false;

async function run(big: Big): Promise<void> {
  const S = "/api/stacks/acme/size/big";
  await send("POST", "/api/stacks/acme/size", token, { stackName: "big" });
  await measure("import", () => send("POST", `${S}/import`, token, Readable.from(deployment(big, asImported(big)))));

  const touched = Array.from({ length: 10 }, (_, i) => 1 + Math.floor((i * (big.resources - 1)) / 10));
  await measure("update of 10", async () => {
    const { X, lease } = await start(S);
    const entries = touched.flatMap((i, k) => same(k, i, state(big, i, 1)));
    await send("PATCH", `${X}/journalentries`, lease, { entries: [secrets, ...entries] });
    await send("POST", `${X}/complete`, lease, { status: "succeeded" });
  });
  await measure("export", async () => expectResources(await send("GET", `${S}/export`, token), big, afterUpdate(big, touched, 1)));

  await measure("refresh of 10", async () => {
    const { X, lease } = await start(S);
    const entries = touched.map((i, k) => entry(k + 2, 3, k + 1, { isRefresh: true, removeOld: k, state: state(big, i, 0) }));
    await send("PATCH", `${X}/journalentries`, lease, { entries: [secrets, ...entries] });
    await send("POST", `${X}/complete`, lease, { status: "succeeded" });
  });

  // What `up` does when it finds nothing to do: every resource is told of.
  const noop = await start(S);
  await measure("no-op: journal", async () => {
    let entries: object[] = [secrets];
    for (let i = 0; i < big.resources; i++) {
      entries.push(...same(i, i, state(big, i, 0)));
      if (entries.length < 100 && i < big.resources - 1) continue;
      await send("PATCH", `${noop.X}/journalentries`, noop.lease, { entries });
      entries = [];
    }
  });
  await measure("no-op: complete", () => send("POST", `${noop.X}/complete`, noop.lease, { status: "succeeded" }));
  await expectResources(await send("GET", `${S}/export`, token), big, asImported(big));
}

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  resetPeak(pid);
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const peak = (peakBytes(pid) - floor) / MB;
  if (peak > BOUND) failed = true;
  console.log(
    `  ${name.padEnd(18)} ${seconds.toFixed(1).padStart(6)} s  peak ${peak.toFixed(0).padStart(4)} MB${peak > BOUND ? "  TOO MUCH" : ""}`,
  );
}

async function send(method: string, path: string, scheme: string, body?: object): Promise<Response> {
  const zipped = body instanceof Readable ? Readable.toWeb(body.pipe(createGzip({ level: 1 }))) : body && gzipSync(JSON.stringify(body));
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: scheme, "Content-Type": "application/json", ...(zipped && { "Content-Encoding": "gzip" }) },
    ...(zipped && { body: zipped, duplex: "half" }),
  } as RequestInit);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function start(stack: string, journaling = true): Promise<{ X: string; lease: string }> {
  const ask = async (path: string, body: object) => (await (await send("POST", path, token, body)).json()) as Record<string, string>;
  const { updateID } = await ask(`${stack}/update`, { options: {}, config: {}, metadata: {} });
  const X = `${stack}/update/${updateID}`;
  const { token: lease } = await ask(X, journaling ? { journalVersion: 1 } : {});
  return { X, lease: `update-token ${lease}` };
}

const state = (big: Big, i: number, edition: number) => JSON.parse(resourceText(i, big.bytes, edition)) as object;

function entry(sequenceID: number, kind: number, operationID: number, more: object): object {
  return { version: 1, kind, sequenceID, operationID, removeOld: null, removeNew: null, ...more };
}
const secrets = entry(1, 6, 0, { secretsProvider: { type: "service", state: {} } });

/** The two entries of the step number `k`, which leaves a resource in the place of the one at `removeOld`. */
const same = (k: number, removeOld: number, resource: object) => [
  entry(2 * k + 2, 0, k + 1, {}),
  entry(2 * k + 3, 1, k + 1, { removeOld, state: resource }),
];

/** An exported state must hold exactly these resources, byte for byte. */
async function expectResources(response: Response, big: Big, order: Order): Promise<void> {
  const expected = elements(big, order);
  let next: Buffer | undefined;
  let before = Buffer.alloc(0);
  let inside = false;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    let bytes = Buffer.from(chunk);
    if (!inside) {
      before = Buffer.concat([before, bytes]);
      const at = before.indexOf('"resources":[');
      if (at < 0) continue;
      bytes = before.subarray(at + 13);
      inside = true;
    }
    while (bytes.length > 0) {
      next = next?.length ? next : (expected.next().value ?? undefined);
      if (!next) break;
      const length = Math.min(next.length, bytes.length);
      if (!next.subarray(0, length).equals(bytes.subarray(0, length))) throw new Error("the exported resources are others");
      next = next.subarray(length);
      bytes = bytes.subarray(length);
    }
  }
  if (next?.length || !expected.next().done) throw new Error("the exported state is too short");
}

for (const size of values.sizes.split(",").map(Number)) {
  const folder = newFolder();
  const store = await objectStore(folder);
  server = await built({}, frontOf(store.url));
  try {
    token = `token ${server.token}`;
    pid = findWorkerd();
    await new Promise((done) => setTimeout(done, 1000));
    floor = residentBytes(pid);
    console.log(`\n${size} MB, ${size * 500} resources; memory after the start ${(floor / MB).toFixed(0)} MB`);
    await run({ resources: size * 500, bytes: MB / 500 });
  } finally {
    await server.stop();
    store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);

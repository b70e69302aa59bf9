/**
 * `npm run test:size [-- --sizes 20,200 --phases import,update,…]`: a generated state of 2 KB resources is imported, updated, exported and
 * so on over real HTTP, against the production bundle in workerd. Says what each step took in time and memory.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { createGzip, gzipSync } from "node:zlib";
import { type Big, HEAD, URN, afterUpdate, asImported, deployment, elements, resourceText } from "./bigState.ts";
import { findWorkerd, peakBytes, resetPeak, residentBytes } from "./memory.ts";
import { type BenchServer, built, newFolder } from "./servers.ts";
import { frontOf, objectStore } from "./store.ts";

const { values } = parseArgs({ options: { sizes: { type: "string", default: "20,200" }, phases: { type: "string" } } });
const MB = 1024 * 1024;
// Cloudflare ends an isolate that needs more; V8 would otherwise put off collecting, having all the machine.
process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= "--max-heap-size=128";
let server: BenchServer;
let pid = 0;
let floor = 0;
let token = "";
const wanted = values.phases?.split(",");

async function send(method: string, path: string, scheme: string, body?: object | Readable, gzip = true): Promise<Response> {
  const stream = body instanceof Readable;
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: scheme, "Content-Type": "application/json", ...(gzip && body && { "Content-Encoding": "gzip" }) },
    ...(body && { body: stream ? Readable.toWeb(body.pipe(createGzip({ level: 1 }))) : gzip ? gzipSync(JSON.stringify(body)) : JSON.stringify(body) }),
    duplex: "half",
  } as RequestInit);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
const ask = async (method: string, path: string, scheme: string, body?: object | Readable) =>
  (await (await send(method, path, scheme, body)).json()) as Record<string, string>;

async function measure(name: string, work: () => Promise<void>): Promise<void> {
  if (wanted && !wanted.includes(name)) return;
  resetPeak(pid);
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const above = (bytes: number) => `${((bytes - floor) / MB).toFixed(0).padStart(5)} MB`;
  console.log(`  ${name.padEnd(24)} ${seconds.toFixed(1).padStart(6)} s   peak ${above(peakBytes(pid))}   after ${above(residentBytes(pid))}`);
}

const entry = (sequenceID: number, kind: number, operationID: number, more: object) => ({
  version: 1, kind, sequenceID, operationID, removeOld: null, removeNew: null, ...more,
});

async function run(big: Big): Promise<void> {
  const name = `s${big.resources}`;
  const S = `/api/stacks/acme/size/${name}`;
  await send("POST", "/api/stacks/acme/size", token, { stackName: name });
  await measure("import", async () => {
    await send("POST", `${S}/import`, token, Readable.from(deployment(big, asImported(big))));
  });
  const touched = Array.from({ length: 10 }, (_, i) => 1 + Math.floor((i * (big.resources - 1)) / 10));

  const start = async (journaling = true) => {
    const { updateID } = await ask("POST", `${S}/update`, token, { options: {}, config: {}, metadata: {} });
    const X = `${S}/update/${updateID}`;
    const { token: lease } = await ask("POST", X, token, journaling ? { journalVersion: 1 } : {});
    return { X, lease: `update-token ${lease}` };
  };
  const secrets = entry(1, 6, 0, { secretsProvider: { type: "service", state: {} } });

  await measure("update of 10", async () => {
    const { X, lease } = await start();
    const entries = touched.flatMap((i, k) => [
      entry(2 * k + 2, 0, k + 1, {}),
      entry(2 * k + 3, 1, k + 1, { removeOld: i, state: JSON.parse(resourceText(i, big.bytes, 1)) as object }),
    ]);
    await send("PATCH", `${X}/journalentries`, lease, { entries: [secrets, ...entries] });
    await send("POST", `${X}/complete`, lease, { status: "succeeded" });
  });
  await measure("export", async () => {
    const response = await send("GET", `${S}/export`, token);
    await expectStart(response, big, wanted ? asImported(big) : afterUpdate(big, touched, 1));
  });
  await measure("refresh of 10", async () => {
    const { X, lease } = await start();
    const entries = touched.map((_, k) =>
      entry(k + 2, 3, k + 1, { isRefresh: true, removeOld: k, state: JSON.parse(resourceText(touched[k]!, big.bytes, 2)) as object }),
    );
    await send("PATCH", `${X}/journalentries`, lease, { entries: [secrets, ...entries] });
    await send("POST", `${X}/complete`, lease, { status: "succeeded" });
  });
  await measure("no-op of all: journal", async () => {
    const { X, lease } = await start();
    let entries: object[] = [secrets];
    for (let i = 0; i < big.resources; i++) {
      entries.push(entry(2 * i + 2, 0, i + 1, {}));
      entries.push(entry(2 * i + 3, 1, i + 1, { removeOld: i, state: JSON.parse(resourceText(i, big.bytes, 0)) as object }));
      if (entries.length < 100 && i < big.resources - 1) continue;
      await send("PATCH", `${X}/journalentries`, lease, { entries });
      entries = [];
    }
    last = { X, lease };
  });
  await measure("no-op of all: complete", async () => {
    await send("POST", `${last!.X}/complete`, last!.lease, { status: "succeeded" });
  });
}
let last: { X: string; lease: string } | undefined;

/** The export begins with exactly these resources. */
async function expectStart(response: Response, big: Big, order: Iterable<readonly [number, number]>): Promise<void> {
  let read = 0;
  let tail = "";
  const got = createHash("sha256");
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    read += chunk.length;
    tail = Buffer.from(chunk.slice(-200)).toString();
    got.update(chunk);
  }
  console.log(`    export of ${(read / MB).toFixed(1)} MB, … ${tail.slice(-60)}`);
}

for (const size of values.sizes.split(",").map(Number)) {
  const folder = newFolder();
  const store = await objectStore(folder);
  server = await built({}, frontOf(store.url));
  try {
    pid = findWorkerd();
    token = `token ${server.token}`;
    await new Promise((done) => setTimeout(done, 1000));
    floor = residentBytes(pid);
    console.log(`\n${size} MB; floor ${(floor / MB).toFixed(0)} MB`);
    await run({ resources: size * 500, bytes: (size * MB) / (size * 500) });
  } finally {
    await server.stop();
    store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(0);

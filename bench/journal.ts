/** Latency of the request that a deployment waits for: one journal batch of 80 KB, one in flight, as the CLI sends it. */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Percentiles, percentiles } from "./percentiles.ts";
import type { BenchServer } from "./servers.ts";

const REQUESTS = 300;
/** Before them, for the compilers to do their work. */
const WARM_UP = 50;

export async function journalLatency(server: BenchServer): Promise<Percentiles> {
  const send = async (method: string, path: string, scheme: string, body: object | Uint8Array<ArrayBuffer>) => {
    const gzip = body instanceof Uint8Array;
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { Authorization: scheme, "Content-Type": "application/json", ...(gzip && { "Content-Encoding": "gzip" }) },
      body: gzip ? body : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : {}) as Record<string, string>;
  };
  const token = `token ${server.token}`;
  const stack = `/api/stacks/acme/bench/journal-${Date.now()}`;
  await send("POST", "/api/stacks/acme/bench", token, { stackName: stack.split("/").at(-1) });
  const { updateID } = await send("POST", `${stack}/update`, token, { options: {}, config: {}, metadata: {} });
  const { token: lease } = await send("POST", `${stack}/update/${updateID}`, token, { journalVersion: 1 });

  const times: number[] = [];
  for (let i = 0; i < WARM_UP + REQUESTS; i++) {
    const entries = Array.from({ length: 5 }, (_, k) => ({
      version: 1,
      kind: 1,
      sequenceID: i * 5 + k + 1,
      operationID: i * 5 + k + 1,
      removeOld: null,
      removeNew: null,
      state: {
        urn: `urn:pulumi:s::bench::t:t:t::r${i}-${k}`,
        custom: false,
        type: "t:t:t",
        inputs: { text: randomBytes(12 * 1024).toString("base64") },
      },
    }));
    const body = new Uint8Array(gzipSync(JSON.stringify({ entries })));
    const started = performance.now();
    await send("PATCH", `${stack}/update/${updateID}/journalentries`, `update-token ${lease}`, body);
    if (i >= WARM_UP) times.push(performance.now() - started);
  }
  await send("POST", `${stack}/update/${updateID}/complete`, `update-token ${lease}`, { status: "failed" });
  return percentiles(times);
}

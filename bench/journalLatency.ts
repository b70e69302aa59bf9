/**
 * Measures the latency of the request that a deployment waits for: journal batches of 80 KB, one after the other, as the CLI sends them.
 */
import { ask, journalBatch, newStack, startUpdate } from "./api.ts";
import { type Percentiles, percentiles } from "./percentiles.ts";
import type { BenchServer } from "./servers.ts";

const REQUESTS = 300;
/** Requests before the measurement, until the JIT compilers have optimized the code. */
const WARM_UP = 50;

export async function journalLatency(server: BenchServer): Promise<Percentiles> {
  const { path, lease } = await startUpdate(server, await newStack(server, `journal-${Date.now()}`));
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + REQUESTS; i++) {
    const body = journalBatch(i);
    const started = performance.now();
    await ask(server, "PATCH", `${path}/journalentries`, body, lease);
    if (i >= WARM_UP) times.push(performance.now() - started);
  }
  await ask(server, "POST", `${path}/complete`, { status: "failed" }, lease);
  return percentiles(times);
}

import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Reason } from "../errors.ts";
import { addTo } from "./add.ts";

/** Well within the 30 seconds that work may outlive an answer. Milliseconds. */
const FLUSH_AFTER = 20_000;

const pending = new Map<Reason, number>();
let scheduledAt = 0;

/**
 * Counts a refusal in this isolate, which writes its counts at most every 20 seconds: a flood of bad tokens costs three writes a minute
 * and isolate. What an isolate that is ended has not written yet is not counted.
 */
export function countRefusal(ctx: Pick<RequestContext, "background" | "now">, reason: Reason): void {
  pending.set(reason, (pending.get(reason) ?? 0) + 1);
  // Work that was cut off does not say so: another takes its place.
  if (Math.abs(ctx.now - scheduledAt) < 2 * FLUSH_AFTER) return;
  scheduledAt = ctx.now;
  ctx.background("count of refusals", async (env) => {
    await scheduler.wait(FLUSH_AFTER);
    scheduledAt = 0;
    await flushRefusals(openStore(env.DB));
  });
}

/** Writes what this isolate has counted. */
export async function flushRefusals(store: Store): Promise<void> {
  const counts = [...pending];
  pending.clear();
  const [first, ...others] = counts.map(([reason, count]) => addTo(store, "refusals", reason, count));
  if (!first) return;
  try {
    await batch(store, [first, ...others]);
  } catch (error) {
    for (const [reason, count] of counts) pending.set(reason, (pending.get(reason) ?? 0) + count);
    throw error;
  }
}

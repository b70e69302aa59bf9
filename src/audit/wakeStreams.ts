import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";

/** Longest time that a writer of the log waits for streams, milliseconds. */
const PATIENCE = 2000;

/** Notifies streams of new records, and does not wait until they have sent them. The cron wakes a stream that could not be reached. */
export async function wakeStreams(env: Bindings, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const calls = ids.map(async (id) => {
    try {
      await env.STREAMS.get(env.STREAMS.idFromName(id)).wake(id);
    } catch (error) {
      logError("audit stream not reached, the cron will wake it", error, { id });
    }
  });
  await Promise.race([Promise.all(calls), scheduler.wait(PATIENCE)]);
}

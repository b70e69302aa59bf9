import { consumeAudit, keepDeadLetters } from "../audit/consume.ts";
import type { Bindings } from "../env.ts";
import { log } from "../log.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";

/** A batch of a queue: events on their way into the log, or what could not get there. */
export async function consume(batch: MessageBatch, bindings: Bindings): Promise<void> {
  const began = Date.now();
  const roundTrips = noRoundTrips();
  const env = counting(bindings, roundTrips);
  const taken = await (batch.queue.endsWith("-dead") ? keepDeadLetters : consumeAudit)(env, batch);
  const sent = batch.messages.map(({ timestamp }) => timestamp.getTime());
  log("queue", {
    queue: batch.queue,
    messages: batch.messages.length,
    retried: batch.messages.length - taken,
    // How late the latest of them is: what the queue adds to the time until an event is in the log.
    waited: Math.max(0, began - Math.min(...sent)),
    ms: Date.now() - began,
    roundTrips,
  });
}

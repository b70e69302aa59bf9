import { consumeAudit, keepDeadLetters } from "../audit/consume.ts";
import type { Bindings } from "../env.ts";
import { log } from "../log.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";

/** Handles a batch of a queue: events for the log, or dead letters. */
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
    // The age of the batch's oldest event: the delay that the queue adds before an event is logged.
    waited: Math.max(0, began - Math.min(...sent)),
    ms: Date.now() - began,
    roundTrips,
  });
}

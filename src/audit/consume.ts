import { batch as runBatch, openStore } from "../db/client.ts";
import { byPlace } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { keepDeadLetter } from "./deadLetters.ts";
import { readEvent } from "./message.ts";
import { type AuditEvent, forgetPromises } from "./record.ts";
import { writeEvents } from "./write.ts";

/**
 * Writes delivered events into the log. The queue delivers a message at least once and in any order. Each event is logged once, because its
 * id is unique, and the chain orders the events.
 * A message that cannot be read or written is retried until it is a dead letter. It is kept, and does not block other messages.
 * @returns how many messages are settled
 */
export async function consumeAudit(env: Bindings, batch: MessageBatch): Promise<number> {
  const delivered = batch.messages.map((message) => ({ message, event: readEvent(message.body) }));
  const events = delivered.flatMap(({ event }) => event ?? []);
  const written = await writeEvents(env, events).catch((error: unknown) => {
    logError("audit log not written, will be retried", error, { events: events.length });
    return new Set<string>();
  });
  let done = 0;
  for (const { message, event } of delivered) {
    if (event && written.has(event.id)) {
      message.ack();
      done++;
    } else message.retry(event && { delaySeconds: Math.min(2 ** message.attempts, 300) });
  }
  return done;
}

/**
 * Keeps events that could not be written after all retries as dead letters in R2, until an operator replays them (`replay.ts`). The outbox
 * row of an event is deleted when its dead letter is stored.
 * @returns how many messages are settled
 */
export async function keepDeadLetters(env: Bindings, batch: MessageBatch): Promise<number> {
  const later = (message: Message) => message.retry({ delaySeconds: Math.min(2 ** message.attempts, 3600) });
  const kept: { message: Message; event: AuditEvent | undefined }[] = [];
  for (const message of batch.messages) {
    const body = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
    try {
      await keepDeadLetter(env, message.id, message.timestamp.getTime(), body);
      kept.push({ message, event: readEvent(body) });
    } catch (error) {
      logError("dead letter not kept, will be retried", error, { id: message.id });
      later(message);
    }
  }
  const events = kept.flatMap(({ event }) => event ?? []);
  const promised = new Set<string>();
  for (const [at, part] of byPlace(env, events)) {
    try {
      const store = openStore(at);
      await runBatch(store, [forgetPromises(store, part)]);
    } catch (error) {
      logError("outbox rows of dead letters not deleted, will be retried", error, { events: part.length });
      for (const { id } of part) promised.add(id);
    }
  }
  const isSettled = ({ event }: (typeof kept)[number]) => !event || !promised.has(event.id);
  for (const one of kept) {
    if (isSettled(one)) one.message.ack();
    else later(one.message);
  }
  return kept.filter(isSettled).length;
}

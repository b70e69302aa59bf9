import * as z from "zod/mini";
import type { Bindings } from "../env.ts";
import { appendToChains } from "./append.ts";
import { DEAD_LETTERS } from "./replay.ts";

/** What SQLite does not give back as it was put in is replaced first: a hash must be over what is stored. */
const text = z.pipe(
  z.string(),
  z.transform((value) => value.toWellFormed().replaceAll("\0", "\uFFFD")),
);

const Event = z.object({
  id: text,
  orgId: text,
  at: z.int(),
  event: text,
  description: text,
  sourceIp: text,
  userLogin: text,
  userName: text,
  tokenId: text,
  tokenName: text,
  stack: text,
  reqOrgAdmin: z.boolean(),
  reqStackAdmin: z.boolean(),
  authFailure: z.boolean(),
});

/**
 * Writes delivered events into the log. Delivery is at least once and in any order; the event's id makes it exactly once, and
 * the chain gives it its place.
 * A message that cannot be read is retried until it is a dead letter: it is kept, and does not stop its neighbours.
 */
export async function consumeAudit(messages: MessageBatch, env: Bindings): Promise<void> {
  const good: { message: Message; event: z.infer<typeof Event> }[] = [];
  for (const message of messages.messages) {
    const event = parse(message.body);
    if (event) good.push({ message, event });
    else message.retry();
  }
  if (good.length === 0) return;

  try {
    await appendToChains(
      env,
      good.map((g) => g.event),
    );
    for (const { message } of good) message.ack();
  } catch (error) {
    console.error({ message: "audit log not written, will be retried", events: good.length, error: String(error) });
    for (const { message } of good) message.retry({ delaySeconds: Math.min(2 ** message.attempts, 300) });
  }
}

function parse(body: unknown): z.infer<typeof Event> | undefined {
  try {
    return Event.parse(JSON.parse(String(body)));
  } catch {
    return undefined;
  }
}

/** What could not be written after all retries: kept in R2, one object each, until an operator replays it (`replay.ts`). */
export async function keepDeadLetters(messages: MessageBatch, env: Bindings): Promise<void> {
  for (const message of messages.messages) {
    const day = message.timestamp.toISOString().slice(0, 10);
    const body = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
    try {
      await env.STATE.put(`${DEAD_LETTERS}${day}/${message.id}.json`, body);
      console.error({ message: "audit event became a dead letter", id: message.id });
      message.ack();
    } catch (error) {
      console.error({ message: "dead letter not kept, will be retried", id: message.id, error: String(error) });
      message.retry({ delaySeconds: Math.min(2 ** message.attempts, 3600) });
    }
  }
}

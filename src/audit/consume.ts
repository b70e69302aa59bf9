import * as z from "zod";
import type { BatchItem } from "drizzle-orm/batch";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { auditEvents } from "./table.ts";

const Event = z.object({
  id: z.string(),
  orgId: z.string(),
  at: z.number(),
  event: z.string(),
  description: z.string(),
  sourceIp: z.string(),
  userLogin: z.string(),
  userName: z.string(),
  tokenId: z.string(),
  tokenName: z.string(),
  stack: z.string(),
  reqOrgAdmin: z.boolean(),
  reqStackAdmin: z.boolean(),
  authFailure: z.boolean(),
});

/** D1 takes 100 parameters a statement (platform-facts D-2); an event has 14. */
const ROWS_PER_STATEMENT = 7;

/**
 * Writes delivered events into the log. Delivery is at least once and in any order; the event's id makes it exactly once.
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

  const store = openStore(env.DB);
  const inserts: BatchItem<"sqlite">[] = [];
  for (let i = 0; i < good.length; i += ROWS_PER_STATEMENT) {
    const rows = good.slice(i, i + ROWS_PER_STATEMENT).map((g) => g.event);
    inserts.push(store.db.insert(auditEvents).values(rows).onConflictDoNothing());
  }
  try {
    await batch(store, inserts as [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]]);
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

/** What could not be written after all retries: kept in R2, one object each, for an operator to look at. */
export async function keepDeadLetters(messages: MessageBatch, env: Bindings): Promise<void> {
  for (const message of messages.messages) {
    const day = message.timestamp.toISOString().slice(0, 10);
    const body = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
    await env.STATE.put(`audit/dead-letters/${day}/${message.id}.json`, body);
    console.error({ message: "audit event became a dead letter", id: message.id });
    message.ack();
  }
}

import * as z from "zod/mini";
import type { Bindings } from "../env.ts";
import { appendToChains } from "./append.ts";
import { DEAD_LETTERS } from "./replay.ts";
import { log, logError } from "../log.ts";

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
 * @returns how many messages are done with
 */
export async function consumeAudit(env: Bindings, batch: MessageBatch): Promise<number> {
  const good: { message: Message; event: z.infer<typeof Event> }[] = [];
  for (const message of batch.messages) {
    const event = parse(message.body);
    if (event) good.push({ message, event });
    else message.retry();
  }
  if (good.length === 0) return 0;

  try {
    await appendToChains(
      env,
      good.map((g) => g.event),
    );
    for (const { message } of good) message.ack();
    return good.length;
  } catch (error) {
    logError("audit log not written, will be retried", error, { events: good.length });
    for (const { message } of good) message.retry({ delaySeconds: Math.min(2 ** message.attempts, 300) });
    return 0;
  }
}

function parse(body: unknown): z.infer<typeof Event> | undefined {
  try {
    return Event.parse(JSON.parse(String(body)));
  } catch {
    return undefined;
  }
}

/** What could not be written after all retries: kept in R2, one object each, until an operator replays it (`replay.ts`). @returns how many are */
export async function keepDeadLetters(env: Bindings, batch: MessageBatch): Promise<number> {
  let kept = 0;
  for (const message of batch.messages) {
    const day = message.timestamp.toISOString().slice(0, 10);
    const body = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
    try {
      await env.STATE.put(`${DEAD_LETTERS}${day}/${message.id}.json`, body);
      log("audit event became a dead letter", { id: message.id });
      message.ack();
      kept++;
    } catch (error) {
      logError("dead letter not kept, will be retried", error, { id: message.id });
      message.retry({ delaySeconds: Math.min(2 ** message.attempts, 3600) });
    }
  }
  return kept;
}

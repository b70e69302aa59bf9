import { lte, sql } from "drizzle-orm";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { keepDeadLetter } from "./deadLetters.ts";
import { readEvent } from "./message.ts";
import { type Promised, RELAY_AFTER, forgetPromises, promisedColumns } from "./record.ts";
import { auditOutbox } from "./table.ts";
import { writeEvents } from "./write.ts";

/** A queue accepts 100 messages and 256 KB in one call, and 128 KB in one message (platform-facts Q-1). */
const MAX_MESSAGES = 100;
const MAX_BYTES = 200_000;
const MAX_MESSAGE = 120_000;
/** Maximum number of rows that one run of the cron sends; the next run continues. */
const PER_RUN = 5000;
/** The longest time between two messages of one event. Milliseconds. */
const RELAY_AT_MOST = 3_600_000;

/** Sends the events of this request right after the answer. The queue may lose them: their outbox rows stay until the log has them. */
export async function relayEvents(env: Bindings, ids: string[]): Promise<void> {
  const store = openStore(env);
  const [rows] = await batch(store, [
    store.db
      .select(promisedColumns)
      .from(auditOutbox)
      .where(sql`${auditOutbox.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`),
  ]);
  await send(env, store, rows);
}

/** Sends outbox rows that were certainly stored right after the answer, without reading them there. */
export const relayStored = (env: Bindings, rows: Promised[]): Promise<void> => send(env, openStore(env), rows);

/**
 * Sends events that are not in the log after a minute, the oldest due first. The wait doubles with each message of an event, up to an hour.
 * So a slow consumer is not flooded, and an event that can never be written does not delay others.
 * @returns how many events were sent
 */
export async function relayLeftovers(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  let relayed = 0;
  while (relayed < PER_RUN) {
    const [rows] = await batch(store, [
      store.db
        .select(promisedColumns)
        .from(auditOutbox)
        .where(lte(auditOutbox.relayAt, now))
        .orderBy(auditOutbox.relayAt)
        .limit(MAX_MESSAGES),
    ]);
    if (rows.length === 0) break;
    await send(env, store, rows);
    const wait = sql`min(max(${now} - ${auditOutbox.createdAt}, ${RELAY_AFTER}), ${RELAY_AT_MOST})`;
    const sent = rows.map(({ id }) => id);
    await batch(store, [
      store.db
        .update(auditOutbox)
        .set({ relayAt: sql`${now} + ${wait}` })
        .where(sql`${auditOutbox.id} IN (SELECT value FROM json_each(${JSON.stringify(sent)}))`),
    ]);
    relayed += rows.length;
  }
  return relayed;
}

async function send(env: Bindings, store: Store, rows: Promised[]): Promise<void> {
  let part: string[] = [];
  let bytes = 0;
  const flush = async () => {
    if (part.length > 0) await env.AUDIT.sendBatch(part.map((body) => ({ body, contentType: "text" as const })));
    part = [];
    bytes = 0;
  };
  for (const row of rows) {
    const size = new TextEncoder().encode(row.body).length;
    if (size > MAX_MESSAGE || !readEvent(row.body)) {
      await settle(env, store, row);
      continue;
    }
    if (part.length === MAX_MESSAGES || bytes + size > MAX_BYTES) await flush();
    part.push(row.body);
    bytes += size;
  }
  await flush();
}

/**
 * Writes an event that is too large for a message at once, and keeps invalid text as a dead letter at once. A failure is left to the cron,
 * and does not block other events.
 */
async function settle(env: Bindings, store: Store, { id, body, createdAt }: Promised): Promise<void> {
  try {
    const event = readEvent(body);
    if (event) return void (await writeEvents(env, [event]));
    await keepDeadLetter(env, id, createdAt, body);
    await batch(store, [forgetPromises(store, [{ id }])]);
  } catch (error) {
    logError("audit event not relayed, will be retried", error, { id });
  }
}

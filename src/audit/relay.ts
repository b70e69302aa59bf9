import { inArray, lte, sql } from "drizzle-orm";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { auditOutbox } from "./table.ts";

/** A queue takes 100 messages and 256 KB at once (platform-facts Q-1). */
const MAX_MESSAGES = 50;
const MAX_BYTES = 200_000;

interface Promised {
  seq: number;
  body: string;
}

/** Right after the answer: hands over the events that this request promised. What fails here, the cron finds. */
export async function relayEvents(env: Bindings, ids: string[]): Promise<void> {
  const store = openStore(env.DB);
  const [rows] = await batch(store, [
    store.db
      .select({ seq: auditOutbox.seq, body: auditOutbox.body })
      .from(auditOutbox)
      // One parameter: an account in more than 100 organizations has an event in each (platform-facts D-4).
      .where(inArray(auditOutbox.id, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`)),
  ]);
  await send(env, store, rows);
}

/**
 * The backstop: everything that was promised more than `age` milliseconds ago and is still here.
 * @returns how many events were handed over
 */
export async function relayLeftovers(env: Bindings, now: number, age = 30_000): Promise<number> {
  const store = openStore(env.DB);
  let relayed = 0;
  for (;;) {
    const [rows] = await batch(store, [
      store.db
        .select({ seq: auditOutbox.seq, body: auditOutbox.body })
        .from(auditOutbox)
        .where(lte(auditOutbox.createdAt, now - age))
        .orderBy(auditOutbox.seq)
        .limit(MAX_MESSAGES),
    ]);
    if (rows.length === 0) return relayed;
    await send(env, store, rows);
    relayed += rows.length;
  }
}

/** Send, then delete. A crash in between sends twice; the consumer knows each event by its id. */
async function send(env: Bindings, store: Store, rows: Promised[]): Promise<void> {
  for (let rest = rows; rest.length > 0;) {
    let bytes = 0;
    let count = 0;
    while (count < rest.length && count < MAX_MESSAGES && (count === 0 || bytes + rest[count]!.body.length * 2 < MAX_BYTES)) {
      bytes += rest[count]!.body.length * 2;
      count++;
    }
    const part = rest.slice(0, count);
    rest = rest.slice(count);
    await env.AUDIT.sendBatch(part.map((row) => ({ body: row.body, contentType: "text" as const })));
    const sent = part.map((row) => row.seq);
    await batch(store, [store.db.delete(auditOutbox).where(inArray(auditOutbox.seq, sent))]);
  }
}

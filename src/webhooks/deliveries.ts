import type { Attempted } from "./attempt.ts";
import type { Message } from "./message.ts";
import type { WebhookDelivery } from "./openapi.ts";

/** A message for a webhook. Its id is the same in all attempts, and the value of `Pulumi-Webhook-ID`. */
export interface Sending {
  id: string;
  message: Message;
  /** When it happened, milliseconds since 1970. */
  at: number;
}

/** Maximum number of delivered and failed messages that are kept, and for how long. */
export const MOST_KEPT = 100;
export const KEPT_FOR = 7 * 86_400_000;
/** Maximum number of messages that wait. The oldest are given up. */
const MOST_WAITING = 1000;

interface Row {
  id: string;
  message: string;
  at: number;
  nextAt: number | null;
  attempts: number;
  state: WebhookDelivery["state"];
  last: string | null;
}

const columns = "id, message, at, next_at AS nextAt, attempts, state, last";

/** The messages of a webhook in the storage of its object: those that wait, and the last ones that were sent. */
export class Deliveries {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.create();
  }

  /** Creates the table. This is needed again after the storage was emptied: calls for a deleted webhook may still be under way. */
  create(): void {
    this.#sql.exec(`CREATE TABLE IF NOT EXISTS deliveries (
      id TEXT PRIMARY KEY, message TEXT NOT NULL, at INTEGER NOT NULL, next_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
      state TEXT NOT NULL, last TEXT, sent_at INTEGER)`);
    this.#sql.exec("CREATE INDEX IF NOT EXISTS deliveries_next ON deliveries (next_at) WHERE next_at IS NOT NULL");
  }

  /** Adds messages that wait. One that is there already stays as it is. */
  add(sendings: Sending[], now: number): void {
    for (const { id, message, at } of sendings)
      this.#sql.exec(
        "INSERT OR IGNORE INTO deliveries (id, message, at, next_at, state) VALUES (?, ?, ?, ?, 'waiting')",
        id,
        JSON.stringify(message),
        at,
        now,
      );
    this.#sql.exec(
      `DELETE FROM deliveries WHERE state = 'waiting' AND id NOT IN
        (SELECT id FROM deliveries WHERE state = 'waiting' ORDER BY at DESC, id LIMIT ?)`,
      MOST_WAITING,
    );
  }

  get(id: string): Row | undefined {
    return this.#rows(`SELECT ${columns} FROM deliveries WHERE id = ?`, id)[0];
  }

  due(now: number, count: number): Row[] {
    return this.#rows(`SELECT ${columns} FROM deliveries WHERE next_at <= ? ORDER BY next_at, at, id LIMIT ?`, now, count);
  }

  /** Counts an attempt before it is made. If the object ends during it, the next one is made at `nextAt`. */
  begin(id: string, nextAt: number | null): void {
    this.#sql.exec("UPDATE deliveries SET attempts = attempts + 1, next_at = ? WHERE id = ?", nextAt, id);
  }

  /** An attempt was broken off, and does not count. */
  again(id: string, nextAt: number): void {
    this.#sql.exec("UPDATE deliveries SET attempts = attempts - 1, next_at = ? WHERE id = ? AND state = 'waiting'", nextAt, id);
  }

  /** Adds a message that was sent at once, with its attempt. */
  addSent({ id, message, at }: Sending, state: "delivered" | "failed", last: Attempted): void {
    this.#sql.exec(
      "INSERT INTO deliveries (id, message, at, attempts, state, last, sent_at) VALUES (?, ?, ?, 1, ?, ?, ?)",
      id,
      JSON.stringify(message),
      at,
      state,
      JSON.stringify(last),
      last.at,
    );
  }

  /** Counts an attempt beside those that are planned. A message that waits goes on waiting if it failed. */
  endExtra(id: string, last: Attempted): void {
    this.#sql.exec(
      `UPDATE deliveries SET attempts = attempts + 1, last = ?, sent_at = ?,
        next_at = CASE WHEN ? THEN NULL ELSE next_at END,
        state = CASE WHEN ? THEN 'delivered' WHEN state = 'waiting' THEN state ELSE 'failed' END
        WHERE id = ?`,
      JSON.stringify(last),
      last.at,
      last.error === undefined ? 1 : 0,
      last.error === undefined ? 1 : 0,
      id,
    );
  }

  end(id: string, state: WebhookDelivery["state"], nextAt: number | null, last: Attempted): void {
    this.#sql.exec(
      "UPDATE deliveries SET state = ?, next_at = ?, last = ?, sent_at = ? WHERE id = ?",
      state,
      nextAt,
      JSON.stringify(last),
      last.at,
      id,
    );
  }

  dropWaiting(): void {
    this.#sql.exec("DELETE FROM deliveries WHERE state = 'waiting'");
  }

  /** Deletes what is not kept any more. */
  prune(now: number): void {
    this.#sql.exec("DELETE FROM deliveries WHERE state <> 'waiting' AND coalesce(sent_at, at) < ?", now - KEPT_FOR);
    this.#sql.exec(
      `DELETE FROM deliveries WHERE state <> 'waiting' AND id NOT IN
        (SELECT id FROM deliveries WHERE state <> 'waiting' ORDER BY sent_at DESC, id LIMIT ?)`,
      MOST_KEPT,
    );
  }

  /** When there is something to do: the next attempt, or the next deletion. */
  nextTime(): number | undefined {
    const [row] = this.#sql
      .exec<{ attempt: number | null; deletion: number | null }>(
        `SELECT min(next_at) AS attempt, min(CASE WHEN state <> 'waiting' THEN coalesce(sent_at, at) END) AS deletion FROM deliveries`,
      )
      .toArray();
    const times = [row?.attempt ?? undefined, row?.deletion == null ? undefined : row.deletion + KEPT_FOR + 1];
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** Messages with at least one attempt, the newest first. */
  list(): WebhookDelivery[] {
    return this.#rows(`SELECT ${columns} FROM deliveries WHERE last IS NOT NULL ORDER BY sent_at DESC, id LIMIT ?`, MOST_KEPT).map(
      toDelivery,
    );
  }

  #rows(query: string, ...values: (string | number)[]): Row[] {
    return this.#sql.exec(query, ...values).toArray() as unknown as Row[];
  }
}

export const messageOf = ({ message }: Row) => JSON.parse(message) as Message;

export function toDelivery({ id, message, nextAt, attempts, state, last }: Row): WebhookDelivery {
  const { at, payload, duration, requestUrl, requestHeaders, responseCode, responseHeaders, responseBody, error } = JSON.parse(
    last!,
  ) as Attempted;
  return {
    id,
    kind: (JSON.parse(message) as Message).kind,
    payload,
    timestamp: Math.floor(at / 1000),
    duration,
    requestUrl,
    requestHeaders,
    responseCode,
    responseHeaders,
    responseBody,
    state,
    attempts,
    ...(state === "waiting" && nextAt !== null && { nextAttempt: new Date(nextAt).toISOString() }),
    ...(error !== undefined && { error }),
  };
}

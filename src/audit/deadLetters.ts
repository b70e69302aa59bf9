import type { Bindings } from "../env.ts";
import { log } from "../log.ts";
import { readEvent } from "./message.ts";

/** Prefix of the objects that hold events that could not be written: one event each. */
export const DEAD_LETTERS = "audit/dead-letters/";

/**
 * Keeps an event in R2. Copies of the same event become one object.
 * @param name name of the object if the text is not a valid event; then `at` is its day
 */
export async function keepDeadLetter(env: Bindings, name: string, at: number, body: string): Promise<void> {
  const event = readEvent(body);
  const day = new Date(Math.abs(event?.at ?? at) <= 8.64e15 ? (event?.at ?? at) : 0).toISOString().slice(0, 10);
  await env.STATE.put(`${DEAD_LETTERS}${day}/${encodeURIComponent(event?.id ?? name).slice(0, 200)}.json`, body);
  log("audit event became a dead letter", { id: event?.id ?? name });
}

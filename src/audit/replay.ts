import type { Bindings } from "../env.ts";

/** Prefix of the objects that hold what could not be written: one queue message each. */
export const DEAD_LETTERS = "audit/dead-letters/";
/** An operator puts this object (`npm run audit:replay`) to have the dead letters sent again. */
export const REPLAY_REQUEST = "audit/replay";
/** Letters of one run of the cron; the request stays until all are sent. */
const PER_RUN = 500;

/**
 * Sends dead letters to the queue again, when an operator asked for it. Send, then delete: a crash in between sends twice, and the
 * log knows each event by its id. What still cannot be read becomes a dead letter again.
 * @returns how many
 */
export async function replayDeadLetters(env: Bindings): Promise<number> {
  const request = await env.STATE.head(REPLAY_REQUEST);
  if (!request) return 0;
  const { objects, truncated } = await env.STATE.list({ prefix: DEAD_LETTERS, limit: PER_RUN });
  let sent = 0;
  for (const { key, uploaded } of objects) {
    // What came back since the request was made would only go round in a circle.
    if (uploaded > request.uploaded) continue;
    const letter = await env.STATE.get(key);
    if (!letter) continue;
    await env.AUDIT.send(await letter.text(), { contentType: "text" });
    await env.STATE.delete(key);
    sent++;
  }
  if (!truncated || sent === 0) await env.STATE.delete(REPLAY_REQUEST);
  return sent;
}

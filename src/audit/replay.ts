import type { Bindings } from "../env.ts";
import { DEAD_LETTERS } from "./deadLetters.ts";
import { readEvent } from "./message.ts";
import { writeEvents } from "./write.ts";

/** An operator puts this object (`npm run audit:replay`) to have the dead letters written. */
export const REPLAY_REQUEST = "audit/replay";
/** Letters of one run of the cron; the request stays until all were tried. */
const PER_RUN = 500;
/** Letters that are written together. */
const TOGETHER = 100;

/**
 * Writes dead letters into the log, when an operator asked for it. Write, then delete: a crash in between writes nothing twice, for the
 * log knows each event by its id. A letter that cannot be read or written stays.
 * @returns how many were written
 */
export async function replayDeadLetters(env: Bindings): Promise<number> {
  const request = await env.STATE.head(REPLAY_REQUEST);
  if (!request) return 0;
  const after = request.customMetadata?.["after"];
  const { objects, truncated } = await env.STATE.list({ prefix: DEAD_LETTERS, limit: PER_RUN, ...(after && { startAfter: after }) });
  let replayed = 0;
  for (let from = 0; from < objects.length; from += TOGETHER) {
    const letters = [];
    for (const { key } of objects.slice(from, from + TOGETHER)) {
      const event = readEvent(await (await env.STATE.get(key))?.text());
      if (event) letters.push({ key, event });
    }
    const written = await writeEvents(
      env,
      letters.map(({ event }) => event),
    );
    const done = letters.filter(({ event }) => written.has(event.id)).map(({ key }) => key);
    if (done.length > 0) await env.STATE.delete(done);
    replayed += done.length;
  }
  const last = objects.at(-1);
  if (truncated && last) await env.STATE.put(REPLAY_REQUEST, "", { customMetadata: { after: last.key } });
  else await env.STATE.delete(REPLAY_REQUEST);
  return replayed;
}

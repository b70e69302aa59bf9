import { byPlace } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { DEAD_LETTERS } from "./deadLetters.ts";
import { readEvent } from "./message.ts";
import { writeEvents } from "./write.ts";

/** An operator writes this object (`npm run audit:replay`) to request that the dead letters are written. */
export const REPLAY_REQUEST = "audit/replay";
/** Maximum number of dead letters that one run of the cron handles; the request stays until all were tried. */
const PER_RUN = 500;
/** Number of dead letters that are written in one batch. */
const TOGETHER = 100;

/**
 * Writes dead letters into the log at an operator's request. Each is written first and then deleted: a crash in between writes nothing
 * twice, because the log knows each event by its id. A letter that cannot be read or written stays. If a database does not answer, the
 * letters of the other databases are written, and a later run tries again all letters that still exist.
 * @returns how many were written
 */
export async function replayDeadLetters(env: Bindings): Promise<number> {
  const request = await env.STATE.head(REPLAY_REQUEST);
  if (!request) return 0;
  const after = request.customMetadata?.["after"];
  const { objects, truncated } = await env.STATE.list({ prefix: DEAD_LETTERS, limit: PER_RUN, ...(after && { startAfter: after }) });
  let replayed = 0;
  let failure: unknown;
  for (let from = 0; from < objects.length; from += TOGETHER) {
    const letters = [];
    for (const { key } of objects.slice(from, from + TOGETHER)) {
      const event = readEvent(await (await env.STATE.get(key))?.text());
      if (event) letters.push({ key, event });
    }
    const written = new Set<string>();
    for (const [at, part] of byPlace(
      env,
      letters.map(({ event }) => event),
    ))
      try {
        for (const id of await writeEvents(at, part)) written.add(id);
      } catch (error) {
        failure ??= error;
      }
    const done = letters.filter(({ event }) => written.has(event.id)).map(({ key }) => key);
    if (done.length > 0) await env.STATE.delete(done);
    replayed += done.length;
  }
  const last = objects.at(-1);
  // Letters of an earlier page could not be written, so the replay begins again after the last page.
  const isLeft = request.customMetadata?.["left"] !== undefined;
  const isLeftNow = isLeft || failure !== undefined;
  if (truncated && last) await env.STATE.put(REPLAY_REQUEST, "", { customMetadata: { after: last.key, ...(isLeftNow && { left: "" }) } });
  else if (isLeft) await env.STATE.put(REPLAY_REQUEST, "");
  else if (failure === undefined) await env.STATE.delete(REPLAY_REQUEST);
  if (failure) throw failure;
  return replayed;
}

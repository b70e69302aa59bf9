import { sql } from "drizzle-orm";
import { type Store, batch, openStore } from "../db/client.ts";
import { DIRECTORY } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { sweepLostStarts } from "./lostStarts.ts";
import { sweepObjects } from "./objects.ts";
import { updates } from "../updates/table.ts";

/** An update that was not started within this time after its creation is deleted. Milliseconds. */
const STARTED_WITHIN = 24 * 3600_000;
const ROWS = 500;

/** Numbers of deleted or ended entries in one run, for tests and the log. */
export interface Swept {
  neverStarted: number;
  lostStarts: number;
  objects: number;
}

/** Deletes the remains of crashes and interrupted commands: a bounded number at each run of the cron. */
export async function sweep(env: Bindings, now: number): Promise<Swept> {
  const store = openStore(env);
  return {
    neverStarted: await sweepNeverStarted(store, now),
    lostStarts: await sweepLostStarts(env, store, now),
    // All databases share one bucket.
    objects: store.place === DIRECTORY ? await sweepObjects(env, store, now) : 0,
  };
}

/** Deletes the rows of updates that were never started. No other row refers to them, and no history shows them. */
async function sweepNeverStarted(store: Store, now: number): Promise<number> {
  const [deleted] = await batch(store, [
    store.db
      .delete(updates)
      .where(
        sql`${updates.id} IN (SELECT id FROM updates WHERE ended_at IS NULL AND status = 'not started'
          AND created_at < ${now - STARTED_WITHIN} ORDER BY created_at LIMIT ${ROWS})`,
      )
      .returning({ id: updates.id }),
  ]);
  return deleted.length;
}

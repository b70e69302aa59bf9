import { sql } from "drizzle-orm";
import { type Store, batch } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { coordinatorName } from "../stacks/path.ts";
import { coordinatorAt } from "../coordinator/client.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { updates } from "../updates/table.ts";
import { logError } from "../log.ts";

/** After this time every start has been answered. Milliseconds. */
const ANSWERED_WITHIN = 15 * 60_000;
const ROWS = 20;
const NAME = "lost starts";

/**
 * Ends lost starts. It asks the stacks' objects about updates that have been running in D1 for a while. If an object does not know the
 * update, the client never received the start, and the update is ended; otherwise it would be "in progress" forever. A long deployment
 * continues.
 */
export async function sweepLostStarts(env: Bindings, store: Store, now: number): Promise<number> {
  const cursor = await readCursor(store, NAME);
  const [open] = await batch(store, [
    store.db
      .select({
        id: updates.id,
        createdAt: updates.createdAt,
        orgId: sql<string>`(SELECT org_id FROM stacks WHERE id = updates.stack_id)`.as("org_id"),
        projectName: sql<string>`(SELECT project FROM stacks WHERE id = updates.stack_id)`.as("project"),
        stackName: sql<string>`(SELECT name FROM stacks WHERE id = updates.stack_id)`.as("name"),
      })
      .from(updates)
      .where(
        sql`${updates.endedAt} IS NULL AND ${updates.status} = 'running' AND ${updates.startedAt} < ${now - ANSWERED_WITHIN}
          AND ${updates.createdAt} > ${Number(cursor) || 0}`,
      )
      .orderBy(updates.createdAt)
      .limit(ROWS),
  ]);
  let ended = 0;
  for (const { id, orgId, ...stack } of open) {
    try {
      if (await coordinatorAt(env, coordinatorName(orgId, stack)).endIfLost(id, now, orgId)) ended++;
    } catch (error) {
      // The sweep will reach it again.
      logError("a stack's object did not answer", error, { updateId: id });
    }
  }
  const next = open.length < ROWS ? "" : String(open.at(-1)!.createdAt);
  if (next !== cursor) await batch(store, [writeCursor(store, NAME, next)]);
  return ended;
}

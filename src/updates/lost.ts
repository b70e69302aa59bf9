import { and, eq, ne, sql } from "drizzle-orm";
import { guard } from "../auth/guard.ts";
import { type Store, batch } from "../db/client.ts";
import { conflict } from "../errors.ts";
import { type StackPath, stackAt } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import type { CancelUpdate } from "./startRun.ts";
import { updates } from "./table.ts";

/**
 * A start whose answer was lost between D1 and the stack's object leaves an update that runs for D1 and for nobody else. The
 * object is the judge: where it knows of no run, statements of the next change's own batch end what D1 still believes in.
 * @param except the update that is being started
 */
export function endLostStart(store: Store, orgId: string, path: StackPath, now: number, except = "") {
  const here = stackAt(orgId, path);
  return [
    store.db
      .update(updates)
      .set({ status: "failed", endedAt: now, version: null })
      .where(
        and(
          sql`${updates.id} = (SELECT running_update FROM ${stacks} WHERE ${here})`,
          eq(updates.status, "running"),
          ne(updates.id, except),
        ),
      ),
    store.db
      .update(stacks)
      .set({ runningUpdate: null })
      .where(and(here, sql`${stacks.runningUpdate} IS NOT NULL`)),
  ] as const;
}

/** Cancels what only D1 believes to be running. @throws 409 when D1 does not */
export async function cancelLostStart(store: Store, { actor, now, orgId, path, updateId }: CancelUpdate): Promise<undefined> {
  const [, found] = await batch(store, [
    guard(store, actor, now, orgId),
    store.db
      .select({ id: updates.id })
      .from(updates)
      .where(
        and(
          eq(updates.id, updateId),
          eq(updates.status, "running"),
          sql`${updates.id} = (SELECT running_update FROM ${stacks} WHERE ${stackAt(orgId, path)})`,
        ),
      ),
    ...endLostStart(store, orgId, path, now),
  ]);
  if (!found[0]) throw conflict("The Update has already completed");
  return undefined;
}

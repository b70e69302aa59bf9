import { eq } from "drizzle-orm";
import { batch } from "../db/client.ts";
import type { Ending, Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";
import { type UpdateStatus, updates } from "../updates/table.ts";

/**
 * Reads from D1 whether a run has ended, and records it. D1 is authoritative: an end is committed there first. An object that is terminated
 * before it records the end, or that gets no answer, still has the run as running. Without this call the stack would be locked until the
 * lease expires, and the object would acknowledge writes that are lost.
 */
export async function learnEnd({ store, runs }: StackContext, run: Run): Promise<void> {
  if (run.phase === "done") return;
  const [rows] = await batch(store, [
    store.db
      .select({ status: updates.status, endedAt: updates.endedAt, journalKept: updates.journalKept })
      .from(updates)
      .where(eq(updates.id, run.updateId)),
  ]);
  const row = rows[0];
  delete run.cancelling;
  if (row && row.endedAt !== null) {
    Object.assign(run, { phase: "done", ending: endings[row.status], endedAt: row.endedAt, attempts: undefined });
    // The update ended with the state from before it, and the object still has the update's journal.
    if (row.journalKept) Object.assign(run, { journalKept: row.journalKept, journalDue: true });
  }
  runs.save(run);
}

/** Learns the end of the run that holds the stack, before another change is refused because of that run. */
export async function learnHoldersEnd(ctx: StackContext): Promise<void> {
  const holder = ctx.runs.holder();
  if (holder) await learnEnd(ctx, holder);
}

/** The ending that belongs to each status in D1. */
const endings: Record<UpdateStatus, Ending> = {
  "not started": "failed",
  running: "failed",
  failed: "failed",
  succeeded: "succeeded",
  cancelled: "cancelled",
};

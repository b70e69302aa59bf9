import { MOST_FAILURES, countFailedAttempt, endFaultOf } from "./attempts.ts";
import type { EndedBy } from "./commitEnd.ts";
import { tryToKeep } from "./finish.ts";
import { dueAt, endingOf, isOver } from "./lifetime.ts";
import type { Ending, Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";
import { logError } from "../log.ts";

/** Ends a run; its writes are refused meanwhile. */
export type Finish = (ctx: StackContext, run: Run, ending: Ending, by?: EndedBy) => Promise<void>;

/**
 * Ends the runs whose lease has expired. A failure does not stop the others: the alarm tries that run again.
 * @returns the errors, by the id of the update
 */
export async function endExpired(ctx: StackContext, finish: Finish): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>();
  for (const run of ctx.runs.all()) {
    if (run.phase !== "running" || !isOver(run, Date.now())) continue;
    try {
      await finish(ctx, run, endingOf(run, Date.now()));
    } catch (error) {
      failed.set(run.updateId, error);
    }
  }
  return failed;
}

/** Does the alarm's work for one run. @returns the work that was done, for the log */
export async function tend(ctx: StackContext, run: Run, finish: Finish): Promise<"ended" | "forgotten" | "left"> {
  if (run.phase === "running") {
    if (!isOver(run, Date.now())) return "left";
    await finish(ctx, run, endingOf(run, Date.now()));
    return "ended";
  }
  if (dueAt(run) > Date.now()) return "left";
  if (run.phase === "finishing") {
    await finish(ctx, run, run.ending ?? "failed");
    return "ended";
  }
  if (run.journalDue) await tryToKeep(ctx, run);
  if (dueAt(run) > Date.now()) return "left";
  await forget(ctx, run);
  return "forgotten";
}

/** Deletes a run from the object after copying its events to R2. Events that cannot be read are lost. */
async function forget(ctx: StackContext, run: Run): Promise<void> {
  const { updateId } = run;
  try {
    await ctx.events.keep(ctx.env.STATE, updateId);
  } catch (error) {
    countFailedAttempt(run, endFaultOf(error, false), Date.now());
    ctx.runs.save(run);
    if ((run.attempts?.failed ?? 0) < MOST_FAILURES) throw error;
    logError("the events of an update are dropped, because they cannot be read", error, { updateId });
  }
  ctx.events.forget(updateId);
  ctx.received.drop(updateId, "journal");
  ctx.received.drop(updateId, "checkpoint");
  ctx.runs.forget(updateId);
}

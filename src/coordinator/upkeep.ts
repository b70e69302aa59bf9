import { MOST_FAILURES, countFailure, endFaultOf } from "./attempts.ts";
import type { EndedBy } from "./commitEnd.ts";
import { tryToKeep } from "./finish.ts";
import { dueAt, endingOf, isOver } from "./lifetime.ts";
import type { Ending, Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";
import { logError } from "../log.ts";

/** Carries out the end of a run while nothing more is taken from it. */
export type Finish = (ctx: StackContext, run: Run, ending: Ending, by?: EndedBy) => Promise<void>;

/**
 * Ends the runs whose lease is over. One that cannot be ended does not stop its neighbours: the alarm tries it again.
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

/** What the alarm does for one run. @returns what was done, for the log */
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

/** Drops what the object has of a run. Its events are in R2 then, unless it is they that cannot be read. */
async function forget(ctx: StackContext, run: Run): Promise<void> {
  const { updateId } = run;
  try {
    await ctx.events.keep(ctx.env.STATE, updateId);
  } catch (error) {
    countFailure(run, endFaultOf(error, false), Date.now());
    ctx.runs.save(run);
    if ((run.attempts?.failed ?? 0) < MOST_FAILURES) throw error;
    logError("the events of an update are dropped, because they cannot be read", error, { updateId });
  }
  ctx.events.forget(updateId);
  ctx.received.drop(updateId, "journal");
  ctx.received.drop(updateId, "checkpoint");
  ctx.runs.forget(updateId);
}

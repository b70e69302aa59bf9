import { type AppError, unavailable } from "../errors.ts";
import { fromStateError } from "../stacks/fromStateError.ts";
import { StateError } from "../state/errors.ts";
import {
  type EndFault,
  beginAttempt,
  countFailedAttempt,
  countLostAttempt,
  dropAttempt,
  endFaultOf,
  isGivenUp,
  isLongOutage,
} from "./attempts.ts";
import { type EndedBy, commitEnd } from "./commitEnd.ts";
import { formOf, keepJournal } from "./keptJournal.ts";
import { learnEnd } from "./learnEnd.ts";
import { type NewState, writeState } from "./newState.ts";
import type { Ending, Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";
import type { KeptJournal } from "../updates/table.ts";
import { logError } from "../log.ts";

/**
 * Ends a run in three steps: it writes the new state as an object, assigns it to the stack with one batch, and releases the lock. Each step
 * may be repeated: a batch that was committed before changes nothing the second time, and an object that no row names is swept.
 *
 * A run can always be ended, whatever it has written: after a bounded number of failures it ends with the state from before it, and its
 * journal is kept in R2 (docs/decisions/0006-any-run-can-be-ended.md).
 */
export async function finishRun(ctx: StackContext, run: Run, ending: Ending, by: EndedBy = {}): Promise<void> {
  const endedAt = run.endedAt || (by.caller?.now ?? Date.now());
  countLostAttempt(run);
  // The client is still writing. Its writes must be refused after the end, even if this object is terminated before it records the end.
  if (by.caller && run.phase === "running") ctx.runs.save(Object.assign(run, { cancelling: true as const }));
  const failed = run.attempts?.failed ?? 0;
  if (isGivenUp(run)) return endWithBase(ctx, run, ending, endedAt, "unreadable", by);
  // A deploy may have interrupted one attempt of a running update, so one failure is not counted here.
  if (by.caller && failed >= (run.phase === "running" && !by.force ? 2 : 1)) return endWithBase(ctx, run, ending, endedAt, "canceled", by);
  // The attempt is saved before the work, which may terminate the object. The client's first attempt is not saved, because it would then
  // wait for the disk: a client without an answer tries again, and finally its lease expires.
  if (!by.client || run.attempts) {
    beginAttempt(run);
    ctx.runs.save(run);
  }
  let kept: KeptJournal | undefined;
  let isStateWritten = false;
  let isEnded = false;
  try {
    // A reader that asks the object of the stack's new path finds the events in R2 only.
    if (run.moved) await ctx.events.keep(ctx.env.STATE, run.updateId);
    const state = run.dryRun ? undefined : await writeState(ctx, run, endedAt);
    isStateWritten = true;
    isEnded = await commitEnd(ctx, run, { ending, endedAt, state, by });
  } catch (error) {
    const fault = endFaultOf(error, isStateWritten && by.caller !== undefined);
    kept = afterFailure(ctx, run, { ending, endedAt, error, fault, isStateWritten, by });
  }
  if (kept) return endWithBase(ctx, run, ending, endedAt, kept, by);
  if (!isEnded) return noteEarlierEnd(ctx, run, ending, endedAt);
  markDone(ctx, run, ending, endedAt);
}

interface Failure {
  ending: Ending;
  endedAt: number;
  error: unknown;
  fault: EndFault;
  /** The state was written, so the database caused the failure. */
  isStateWritten: boolean;
  by: EndedBy;
}

/**
 * @returns the reason for which the run ends with the state from before it. @throws the error when the end is tried again or the run
 * continues
 */
function afterFailure(ctx: StackContext, run: Run, failure: Failure): KeptJournal {
  const { error, fault, isStateWritten, by } = failure;
  const goesOn = (reason: unknown) => {
    if (run.attempts) {
      dropAttempt(run);
      ctx.runs.save(run);
    }
    return reason;
  };
  if (fault === "caller") throw goesOn(error);
  // The entries contradict each other. The client receives the error, and the run continues until its lease expires.
  if (by.client && error instanceof StateError && run.phase === "running") throw goesOn(fromStateError(error));
  if (error instanceof StateError || (by.caller && fault === "content")) {
    logError("an update ends with the state from before it", error, { updateId: run.updateId });
    return "unreadable";
  }
  if (!isStateWritten && (by.force || (by.caller && run.phase === "finishing"))) return "canceled";
  if (by.caller) throw goesOn(error);
  return afterAttempt(ctx, run, failure);
}

/** Keeps the requested ending of a run whose end has failed: the alarm repeats it a bounded number of times. */
function afterAttempt(ctx: StackContext, run: Run, { ending, endedAt, error, fault, isStateWritten }: Failure): KeptJournal {
  const now = Date.now();
  countFailedAttempt(run, fault, now);
  Object.assign(run, { phase: "finishing", ending, endedAt });
  ctx.runs.save(run);
  const why = isGivenUp(run) ? "unreadable" : fault === "outage" && !isStateWritten && isLongOutage(run, now) ? "storage" : undefined;
  if (!why) throw toBeTriedAgain(run, error);
  logError("an update ends with the state from before it", error, { updateId: run.updateId, attempts: run.attempts });
  return why;
}

/** A 503, so that the client repeats its call. */
function toBeTriedAgain(run: Run, error: unknown): AppError {
  logError("an update could not be ended and will be tried again", error, { updateId: run.updateId, attempts: run.attempts });
  return unavailable("the end of this update");
}

/** Ends a run with the state from before it. This needs the database only. */
async function endWithBase(ctx: StackContext, run: Run, ending: Ending, endedAt: number, why: KeptJournal, by: EndedBy): Promise<void> {
  const state: NewState = { key: run.baseKey, summary: undefined };
  const kept = !run.dryRun && mayHaveWritten(ctx, run) ? why : undefined;
  const end = ending === "succeeded" ? "failed" : ending;
  let isEnded: boolean;
  try {
    isEnded = await commitEnd(ctx, run, { ending: end, endedAt, state: run.dryRun ? undefined : state, by, base: { kept } });
  } catch (error) {
    if (by.caller) dropAttempt(run);
    else {
      countFailedAttempt(run, "outage", Date.now());
      Object.assign(run, { phase: "finishing", ending, endedAt });
    }
    ctx.runs.save(run);
    throw by.caller ? error : toBeTriedAgain(run, error);
  }
  if (!isEnded) return noteEarlierEnd(ctx, run, end, endedAt);
  if (kept) Object.assign(run, { journalKept: kept, journalDue: true });
  markDone(ctx, run, end, endedAt);
  if (kept) await tryToKeep(ctx, run);
}

/** Copies the end that the database already has for this run: an earlier attempt succeeded, and its answer was lost. */
async function noteEarlierEnd(ctx: StackContext, run: Run, ending: Ending, endedAt: number): Promise<void> {
  await learnEnd(ctx, run);
  if (run.phase !== "done") markDone(ctx, run, ending, endedAt);
  if (run.journalDue) await tryToKeep(ctx, run);
}

function mayHaveWritten(ctx: StackContext, run: Run): boolean {
  try {
    return formOf(ctx, run) !== undefined;
  } catch {
    return true;
  }
}

function markDone(ctx: StackContext, run: Run, ending: Ending, endedAt: number): void {
  Object.assign(run, { phase: "done", ending, endedAt, attempts: undefined, cancelling: undefined });
  ctx.runs.save(run);
}

/** Copies the journal or checkpoint of an ended run to R2. If R2 fails, the object keeps it and the alarm tries again. */
export async function tryToKeep(ctx: StackContext, run: Run): Promise<void> {
  try {
    await keepJournal(ctx, run);
    Object.assign(run, { journalDue: undefined, attempts: undefined });
  } catch (error) {
    countFailedAttempt(run, "outage", Date.now());
    logError("a journal could not be copied to R2 and will be tried again", error, { updateId: run.updateId });
  }
  ctx.runs.save(run);
}

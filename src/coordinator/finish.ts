import { type AppError, unavailable } from "../errors.ts";
import { fromStateError } from "../stacks/fromStateError.ts";
import { StateError } from "../state/errors.ts";
import {
  type EndFault,
  beginAttempt,
  countFailure,
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
 * Ends a run: the new state as an object, then one batch that makes it the stack's, then the lock is free. Each step may
 * be repeated: a batch that was committed before changes nothing the second time, and an object nobody points to is swept.
 *
 * The end does not depend on what the run has written: after a bounded number of failures it ends with the state before
 * it, and what it has written is kept in R2 (docs/decisions/0006-any-run-can-be-ended.md).
 */
export async function finishRun(ctx: StackContext, run: Run, ending: Ending, by: EndedBy = {}): Promise<void> {
  const endedAt = run.endedAt || (by.caller?.now ?? Date.now());
  countLostAttempt(run);
  // The client still writes, and must be refused after the end, also when this object dies before its note of it.
  if (by.caller && run.phase === "running") ctx.runs.save(Object.assign(run, { cancelling: true as const }));
  const failed = run.attempts?.failed ?? 0;
  if (isGivenUp(run)) return endWithBase(ctx, run, ending, endedAt, "unreadable", by);
  // A running update may have lost an attempt to a deploy.
  if (by.caller && failed >= (run.phase === "running" && !by.force ? 2 : 1)) return endWithBase(ctx, run, ending, endedAt, "canceled", by);
  // Written down before the work, which may end the object itself. Not at the client's first attempt, which would then wait for the
  // disk: a client that gets no answer tries again, and then its lease ends.
  if (!by.client || run.attempts) {
    beginAttempt(run);
    ctx.runs.save(run);
  }
  let kept: KeptJournal | undefined;
  let isStateWritten = false;
  let isEnded = false;
  try {
    // A reader who asks under the stack's new path finds the events in R2 only.
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
  /** It is the database that failed. */
  isStateWritten: boolean;
  by: EndedBy;
}

/** @returns why the run ends with its base now. @throws the error, when the end is tried again or the run goes on */
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
  // Entries that contradict each other. The client hears of it, and the run goes on until its lease ends.
  if (by.client && error instanceof StateError && run.phase === "running") throw goesOn(fromStateError(error));
  if (error instanceof StateError || (by.caller && fault === "content")) {
    logError("an update ends with the state before it", error, { updateId: run.updateId });
    return "unreadable";
  }
  if (!isStateWritten && (by.force || (by.caller && run.phase === "finishing"))) return "canceled";
  if (by.caller) throw goesOn(error);
  return afterAttempt(ctx, run, failure);
}

/** The client's word, or the lease's end, holds although it could not be carried out yet: the alarm goes on with it, for a while. */
function afterAttempt(ctx: StackContext, run: Run, { ending, endedAt, error, fault, isStateWritten }: Failure): KeptJournal {
  const now = Date.now();
  countFailure(run, fault, now);
  Object.assign(run, { phase: "finishing", ending, endedAt });
  ctx.runs.save(run);
  const why = isGivenUp(run) ? "unreadable" : fault === "outage" && !isStateWritten && isLongOutage(run, now) ? "storage" : undefined;
  if (!why) throw toBeTriedAgain(run, error);
  logError("an update ends with the state before it", error, { updateId: run.updateId, attempts: run.attempts });
  return why;
}

/** Whatever it was, the client may repeat its call: a 503. */
function toBeTriedAgain(run: Run, error: unknown): AppError {
  logError("an update could not be ended, will be tried again", error, { updateId: run.updateId, attempts: run.attempts });
  return unavailable("the end of this update");
}

/** Ends a run with the state before it. Needs the database only. */
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
      countFailure(run, "outage", Date.now());
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

/** The database had an end of this run already: an earlier attempt was carried out, and its answer was lost. */
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

/** Puts what an ended run had written into R2. Where R2 fails, the alarm tries again: until then it stays with the object. */
export async function tryToKeep(ctx: StackContext, run: Run): Promise<void> {
  try {
    await keepJournal(ctx, run);
    Object.assign(run, { journalDue: undefined, attempts: undefined });
  } catch (error) {
    countFailure(run, "outage", Date.now());
    logError("a journal could not be kept, will be tried again", error, { updateId: run.updateId });
  }
  ctx.runs.save(run);
}

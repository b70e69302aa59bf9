/**
 * Counts the failed attempts to end a run, and schedules the next attempt. A run must end whatever its content is, so the number of
 * failures is bounded (docs/decisions/0006-any-run-can-be-ended.md). Times are in milliseconds. Pure.
 */
import { PreconditionFailed } from "../db/client.ts";
import { AppError } from "../errors.ts";
import type { Run } from "./storage/runs.ts";

/** After this many failures that the content of a run may have caused, the run ends with the state from before it. */
export const MOST_FAILURES = 5;
/** After an outage of the state store of this length, the run ends with the state from before it. */
const LONGEST_OUTAGE = 6 * 3600_000;

const RETRY = 10_000;
const LONGEST_RETRY = 300_000;
/** Longest delay for the work that remains after the end of a run. */
const LONGEST_RETRY_WHEN_DONE = 6 * 3600_000;

/** The attempts to end a run, until one succeeds. */
export interface Attempts {
  /** An attempt is under way. The next attempt finds this set only if the object was terminated: for lack of memory, or by a deploy. */
  open: boolean;
  /** Number of attempts that failed for another reason than an outage. */
  failed: number;
  /** Number of attempts that failed because the database or the state store did not answer. */
  outages: number;
  /** Time of the first of these failures; 0 for none. */
  outageSince: number;
  retryAt: number;
}

const none: Attempts = { open: false, failed: 0, outages: 0, outageSince: 0, retryAt: 0 };

const of = (run: Run): Attempts => run.attempts ?? none;

/** Counts an attempt as failed if the object was terminated during it. */
export function countLostAttempt(run: Run): void {
  if (run.attempts?.open) run.attempts = { ...run.attempts, open: false, failed: run.attempts.failed + 1 };
}

export const beginAttempt = (run: Run): Attempts => (run.attempts = { ...of(run), open: true });

/** Closes an attempt without counting it: its caller was refused, and the run continues. */
export const dropAttempt = (run: Run): Attempts => (run.attempts = { ...of(run), open: false });

export function countFailedAttempt(run: Run, fault: EndFault, now: number): void {
  const { failed, outages, outageSince } = of(run);
  run.attempts =
    fault === "outage"
      ? {
          open: false,
          failed,
          outages: outages + 1,
          outageSince: outageSince || now,
          retryAt: now + Math.min(RETRY * 2 ** Math.min(outages, 20), run.phase === "done" ? LONGEST_RETRY_WHEN_DONE : LONGEST_RETRY),
        }
      : { open: false, failed: failed + 1, outages, outageSince, retryAt: now + RETRY };
}

/** Whether the end of the run has failed too often to be tried again. */
export const isGivenUp = (run: Run): boolean => of(run).failed >= MOST_FAILURES;

export const isLongOutage = (run: Run, now: number): boolean => of(run).outages > 0 && now - of(run).outageSince > LONGEST_OUTAGE;

/** `caller`: the caller's rights have changed since they were cached. `outage`: a binding did not answer. `content`: any other error. */
export type EndFault = "caller" | "outage" | "content";

export function endFaultOf(error: unknown, hasCaller: boolean): EndFault {
  if (error instanceof PreconditionFailed && hasCaller) return "caller";
  return error instanceof AppError && error.status >= 500 ? "outage" : "content";
}

/**
 * How often the end of a run was tried, and when it is tried again. The end of a run must not depend on its content, so the number of
 * failures is bounded (docs/decisions/0006-any-run-can-be-ended.md). Times in milliseconds. Pure.
 */
import { PreconditionFailed } from "../db/client.ts";
import { AppError } from "../errors.ts";
import type { Run } from "./storage/runs.ts";

/** Failures that the content of a run may be the cause of, before the run ends with its base. */
export const MOST_FAILURES = 5;
/** How long the state store may be away before the run ends with its base. */
const LONGEST_OUTAGE = 6 * 3600_000;

const RETRY = 10_000;
const LONGEST_RETRY = 300_000;
/** For work that nobody waits for, when the run is over. */
const LONGEST_RETRY_WHEN_DONE = 6 * 3600_000;

/** Attempts to carry out the end of a run, as long as none succeeded. */
export interface Attempts {
  /** An attempt has begun. The next attempt finds this set only if the object itself was ended: by a lack of memory, or a deploy. */
  open: boolean;
  /** Attempts that failed for another reason than an outage. */
  failed: number;
  /** Attempts that failed because the database or the state store did not answer. */
  outages: number;
  /** Of the first of these, 0 while there was none. */
  outageSince: number;
  retryAt: number;
}

const none: Attempts = { open: false, failed: 0, outages: 0, outageSince: 0, retryAt: 0 };

const of = (run: Run): Attempts => run.attempts ?? none;

/** Counts an attempt that the object did not survive. */
export function countLostAttempt(run: Run): void {
  if (run.attempts?.open) run.attempts = { ...run.attempts, open: false, failed: run.attempts.failed + 1 };
}

export const beginAttempt = (run: Run): Attempts => (run.attempts = { ...of(run), open: true });

/** The attempt is over and does not count: its caller was refused, and the run goes on. */
export const dropAttempt = (run: Run): Attempts => (run.attempts = { ...of(run), open: false });

export function countFailure(run: Run, fault: EndFault, now: number): void {
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

/** Whether the end of the run has failed so often that it is not tried any more. */
export const isGivenUp = (run: Run): boolean => of(run).failed >= MOST_FAILURES;

export const isLongOutage = (run: Run, now: number): boolean => of(run).outages > 0 && now - of(run).outageSince > LONGEST_OUTAGE;

/** `caller`: the caller is not the one that the cache knew. `outage`: a binding did not answer. `content`: anything else. */
export type EndFault = "caller" | "outage" | "content";

export function endFaultOf(error: unknown, hasCaller: boolean): EndFault {
  if (error instanceof PreconditionFailed && hasCaller) return "caller";
  return error instanceof AppError && error.status >= 500 ? "outage" : "content";
}

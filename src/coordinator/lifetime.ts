/** Decides whether a run is over, and when the alarm has work for it. Times are in milliseconds. Pure. */
import type { Ending, Run } from "./storage/runs.ts";

/** Added to the lease's time, for inexact clocks and slow networks. */
const GRACE = 30_000;
/** How long an ended run is kept, so that a repeated call gets the right answer. */
const ENDED_RUN_KEPT = 15 * 60_000;

/** Whether a run must be ended: by the next call of its stack, or by the alarm. */
export const isOver = (run: Run, now: number): boolean => isAborted(run, now) || now > run.expiresAt + GRACE;

const isAborted = (run: Run, now: number): boolean => run.aborted === true || (run.drain !== undefined && now >= run.drain.until);

/** The ending of a run that is over and has no ending yet. */
export const endingOf = (run: Run, now: number): Ending => (isAborted(run, now) ? "aborted" : "expired");

/** The next time at which the alarm has work for a run; in the past when the work is overdue. */
export function dueAt(run: Run): number {
  const retryAt = run.attempts?.retryAt ?? 0;
  switch (run.phase) {
    case "finishing":
      return retryAt;
    case "running":
      return run.aborted ? 0 : Math.min(run.expiresAt + GRACE + 1, run.drain?.until ?? Infinity);
    case "done":
      return Math.max(run.journalDue ? run.endedAt : run.endedAt + ENDED_RUN_KEPT, retryAt);
  }
}

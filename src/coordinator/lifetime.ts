/** When a run is over, and when something is to be done for it by itself. Times in milliseconds. Pure. */
import type { Ending, Run } from "./storage/runs.ts";

/** Beyond the lease's own time, for clocks and slow networks. */
const GRACE = 30_000;
/** How long an ended run is remembered, so that a repeated call is understood. */
const ENDED_RUN_KEPT = 15 * 60_000;

/** To be ended by whoever comes first, the alarm at the latest. */
export const isOver = (run: Run, now: number): boolean => isAborted(run, now) || now > run.expiresAt + GRACE;

const isAborted = (run: Run, now: number): boolean => run.aborted === true || (run.drain !== undefined && now >= run.drain.until);

/** How a run ends that is over and has no other ending yet. */
export const endingOf = (run: Run, now: number): Ending => (isAborted(run, now) ? "aborted" : "expired");

/** The next moment at which the alarm has something to do for a run; in the past when it is overdue. */
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

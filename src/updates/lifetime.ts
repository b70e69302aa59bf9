/** When a run is over, and when something is to be done for it by itself. Times in milliseconds. Pure. */
import type { Run } from "./runs.ts";

/** Beyond the lease's own time, for clocks and slow networks. */
const GRACE = 30_000;
/** How long an ended run is remembered, so that a repeated call is understood. */
const REMEMBERED = 15 * 60_000;

/** To be ended by whoever comes first, the alarm at the latest. */
export const isOver = (run: Run, now: number): boolean => run.aborted === true || now > run.expiresAt + GRACE;

/** The next moment at which the alarm has something to do for a run; in the past when it is overdue. */
export function dueAt(run: Run): number {
  const retryAt = run.attempts?.retryAt ?? 0;
  switch (run.phase) {
    case "finishing":
      return retryAt;
    case "running":
      return run.aborted ? 0 : run.expiresAt + GRACE + 1;
    case "done":
      return Math.max(run.journalDue ? run.endedAt : run.endedAt + REMEMBERED, retryAt);
  }
}

/** The shortest and the longest time between two attempts after a failure, milliseconds. */
const SHORTEST = 10_000;
const LONGEST = 3_600_000;

/**
 * Milliseconds until the next attempt: the time doubles with each failure, and a fifth of it is random, so that senders which failed together
 * do not come back together. Pure.
 * @param asked what the destination asked for (`Retry-After`), milliseconds
 * @param random from 0 to 1
 */
export function delayAfter(failures: number, asked: number | undefined, random: number): number {
  const own = Math.min(SHORTEST * 2 ** Math.min(failures - 1, 20), LONGEST) * (1 - random / 5);
  return Math.round(Math.min(Math.max(own, asked ?? 0), LONGEST));
}

/** The milliseconds of a `Retry-After`: seconds, or a date. Undefined for anything else. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null || header.length > 100) return undefined;
  const ms = /^\s*\d{1,9}\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

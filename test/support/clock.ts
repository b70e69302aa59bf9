import { onTestFinished, vi } from "vitest";

/** Sets the Worker's clock to `ms` from now, and stops it for the rest of the test. Timers are not affected. */
export function laterBy(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  onTestFinished(() => void vi.useRealTimers());
}

/** Tries until `check` does not throw, for about ten seconds. Unlike `vi.waitFor` it does not change a clock that was set. */
export async function eventually<T>(check: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 2000; tries++) {
    try {
      return await check();
    } catch {
      await scheduler.wait(5);
    }
  }
  return check();
}

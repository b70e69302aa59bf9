import { onTestFinished, vi } from "vitest";

/** Sets the Worker's clock to `ms` from now, for the rest of the test. Timers stay real. */
export function laterBy(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  onTestFinished(() => void vi.useRealTimers());
}

import type { Reason } from "../errors.ts";
import { increment } from "./increment.ts";
import { isolateCounter } from "./isolateCounter.ts";

const refusals = isolateCounter<number>("count of refusals", {
  merge: (one, other) => one + other,
  statements: (store, reason, count) => [increment(store, "refusals", reason, count)],
});

/** Counts a refusal by its reason. */
export const countRefusal = (ctx: Parameters<typeof refusals.count>[0], reason: Reason): void => refusals.count(ctx, reason, 1);

/** Writes the counts of this isolate. */
export const flushRefusals = refusals.flush;

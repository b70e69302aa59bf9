import { PreconditionFailed } from "../db/client.ts";
import { AppError, type Reason } from "../errors.ts";
import { logError } from "../log.ts";
import { fromStateError } from "../stacks/fromStateError.ts";
import { type RoundTrips, addRoundTrips } from "../metrics/roundTrips.ts";

/** The answer of a stack's object to the Worker. Errors lose their class on the way, so refusals are returned as data. */
export type Outcome<T> = ({ ok: true; value: T } | { ok: false; refusal: Refusal | "precondition failed" }) & {
  /** Round trips that the object made. */
  roundTrips: RoundTrips;
};

interface Refusal {
  status: number;
  reason: Reason;
  message: string;
  headers: Record<string, string>;
}

/** Runs some work and returns its result or refusal as data. @param roundTrips the counter of the work. @throws unexpected errors */
export async function outcomeOf<T>(roundTrips: RoundTrips, work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work(), roundTrips };
  } catch (error) {
    return { ok: false, refusal: asRefusal(error), roundTrips };
  }
}

/** Converts an expected error into a refusal. @throws an unexpected error, which is a bug */
function asRefusal(error: unknown): Refusal | "precondition failed" {
  if (error instanceof PreconditionFailed) return "precondition failed";
  const known = fromStateError(error);
  if (known instanceof AppError) {
    const { status, reason, message, headers } = known;
    return { status, reason, message, headers };
  }
  logError("unexpected error in a stack's object", error);
  throw error;
}

/** Returns the value of an object's answer. @throws the refusal in it */
export function unwrap<T>(roundTrips: RoundTrips, outcome: Outcome<T>): T {
  addRoundTrips(roundTrips, outcome.roundTrips);
  if (outcome.ok) return outcome.value;
  if (outcome.refusal === "precondition failed") throw new PreconditionFailed();
  const { status, reason, message, headers } = outcome.refusal;
  throw new AppError(status, message, { reason, headers });
}

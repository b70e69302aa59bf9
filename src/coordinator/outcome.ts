import { PreconditionFailed } from "../db/client.ts";
import { AppError, type Reason } from "../errors.ts";
import { logError } from "../log.ts";
import { fromStateError } from "../stacks/fromStateError.ts";
import { type RoundTrips, addRoundTrips } from "../metrics/roundTrips.ts";

/** What a stack's object answers to the Worker: errors lose their class on the way, so refusals travel as data. */
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

/** Does something, and makes data of how it went. A bug is thrown on. @param trips that the work counts into */
export async function outcomeOf<T>(roundTrips: RoundTrips, work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work(), roundTrips };
  } catch (error) {
    return { ok: false, refusal: asRefusal(error), roundTrips };
  }
}

/** The refusal that an error stands for; anything unknown is a bug and is thrown on. */
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

/** Turns the object's answer back into a value or a thrown refusal. */
export function unwrap<T>(roundTrips: RoundTrips, outcome: Outcome<T>): T {
  addRoundTrips(roundTrips, outcome.roundTrips);
  if (outcome.ok) return outcome.value;
  if (outcome.refusal === "precondition failed") throw new PreconditionFailed();
  const { status, reason, message, headers } = outcome.refusal;
  throw new AppError(status, message, { reason, headers });
}

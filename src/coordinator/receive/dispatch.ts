import { discard } from "../../http/discard.ts";
import { roundTripsText } from "../../metrics/roundTrips.ts";
import { receiveEvent, receiveEvents } from "./events.ts";
import type { Outcome } from "../outcome.ts";
import { receiveCheckpoint, receiveJournal } from "./journal.ts";
import type { Received } from "../storage/bodyStore.ts";
import type { Run, Runs } from "../storage/runs.ts";

export interface Arrivals {
  runs: Runs;
  received: Received;
  /** Does something in one go, at a moment at which the update runs and nobody works out its end. */
  inTime: <T>(work: (run: Run) => T) => Promise<T>;
}

/** Takes what a running update's client sends under its lease. @param kind as `forward` in lease.ts names it */
export async function receiveFor(run: Run, kind: string | undefined, request: Request, to: Arrivals): Promise<void> {
  const { received, inTime } = to;
  switch (kind) {
    case "journal":
      return receiveJournal(run, request, received, inTime);
    case "checkpoint": {
      const checkpoint = await receiveCheckpoint(run, request, received);
      return inTime(() => {
        // A first attempt that comes in after its own retry does not take its place.
        to.runs.save(Object.assign(run, { checkpoint: Math.max(run.checkpoint ?? 0, checkpoint) }));
        received.dropBefore(run.updateId, "checkpoint", run.checkpoint ?? 0);
      });
    }
    case "events":
      return receiveEvents(run, request, received, inTime);
    case "event":
      return receiveEvent(run, request, received, inTime);
    case "log":
      // Of clients that print what the engine says themselves: nobody reads it again.
      return undefined;
  }
}

/** The answer to such a request, once its body was read. */
export async function answerTo(request: Request, outcome: Outcome<void>): Promise<Response> {
  if (!outcome.ok || !request.bodyUsed) await discard(request);
  if (outcome.ok) return new Response(null, { status: 204, headers: { "Server-Timing": roundTripsText(outcome.roundTrips) } });
  return Response.json(outcome, { status: 400 });
}

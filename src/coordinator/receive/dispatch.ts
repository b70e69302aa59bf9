import { discard } from "../../http/discard.ts";
import { roundTripsText } from "../../metrics/roundTrips.ts";
import { receiveEvent, receiveEvents } from "./events.ts";
import type { Outcome } from "../outcome.ts";
import { receiveCheckpoint, receiveJournal } from "./journal.ts";
import type { BodyStore } from "../storage/bodyStore.ts";
import type { Run, Runs } from "../storage/runs.ts";

export interface Arrivals {
  runs: Runs;
  received: BodyStore;
  /** Runs synchronous work while the update is running and its end is not under way. */
  inTime: <T>(work: (run: Run) => T) => Promise<T>;
}

/** Receives a request that a running update's client sends under its lease. @param kind as named by `forward` in underLease.ts */
export async function receiveFor(run: Run, kind: string | undefined, request: Request, to: Arrivals): Promise<void> {
  const { received, inTime } = to;
  switch (kind) {
    case "journal":
      return receiveJournal(run, request, received, inTime);
    case "checkpoint": {
      const checkpoint = await receiveCheckpoint(run, request, received);
      return inTime(() => {
        // If a first attempt arrives after its own retry, the retry stays.
        to.runs.save(Object.assign(run, { checkpoint: Math.max(run.checkpoint ?? 0, checkpoint) }));
        received.dropBefore(run.updateId, "checkpoint", run.checkpoint ?? 0);
      });
    }
    case "events":
      return receiveEvents(run, request, received, inTime);
    case "event":
      return receiveEvent(run, request, received, inTime);
    case "log":
      // Old clients print the log themselves, and no API returns it.
      return undefined;
  }
}

/** Answers a request of the update's client after its body was read. */
export async function answerTo(request: Request, outcome: Outcome<void>): Promise<Response> {
  if (!outcome.ok || !request.bodyUsed) await discard(request);
  if (outcome.ok) return new Response(null, { status: 204, headers: { "Server-Timing": roundTripsText(outcome.roundTrips) } });
  return Response.json(outcome, { status: 400 });
}

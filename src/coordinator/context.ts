import type { AuditEvent, Promised } from "../audit/record.ts";
import type { Actor } from "../context.ts";
import type { Store } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import type { StackPath } from "../stacks/path.ts";
import type { BodyStore } from "./storage/bodyStore.ts";
import type { Departure } from "./storage/departure.ts";
import type { EventStore } from "./storage/eventStore.ts";
import type { Runs } from "./storage/runs.ts";

/** The fields of every call from the Worker to a stack's object: the caller and the stack. */
export interface StackCall {
  actor: Actor;
  orgId: string;
  path: StackPath;
  /** Milliseconds since 1970. */
  now: number;
  address: string;
}

/** Cancels a running update at the request of a caller. */
export interface CancelUpdate extends StackCall {
  updateId: string;
}

/** The stores of a stack's object, for the functions that change the stack. */
export interface StackContext {
  store: Store;
  env: Bindings;
  runs: Runs;
  received: BodyStore;
  events: EventStore;
  departure: Departure;
  /** Sends committed events to the queue without delaying the answer. */
  relaySoon: (...events: AuditEvent[]) => void;
  /** Sends outbox rows that a committed batch has returned to the queue without delaying the answer. */
  relayPromised: (rows: Promised[]) => void;
}

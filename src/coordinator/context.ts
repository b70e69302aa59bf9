import type { AuditEvent } from "../audit/record.ts";
import type { Actor } from "../context.ts";
import type { Store } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import type { StackPath } from "../stacks/path.ts";
import type { Received } from "./storage/bodyStore.ts";
import type { RunEvents } from "./storage/eventStore.ts";
import type { Runs } from "./storage/runs.ts";

/** Who asks, on which stack: what every call carries from the Worker into the stack's object. */
export interface StackCall {
  actor: Actor;
  orgId: string;
  path: StackPath;
  /** Milliseconds since 1970. */
  now: number;
  address: string;
}

/** Ends a running update from outside. */
export interface CancelUpdate extends StackCall {
  updateId: string;
}

/** What the object lends to the verbs that change its stack. */
export interface StackContext {
  store: Store;
  env: Bindings;
  runs: Runs;
  received: Received;
  events: RunEvents;
  /** Hands committed events to the queue, off the answer's path. */
  relaySoon: (...events: AuditEvent[]) => void;
}

import type { RequestContext } from "../context.ts";
import type { AuditEvent } from "./record.ts";
import { relayEvents } from "./relay.ts";

/** Sends committed events to the queue after the answer. Their outbox rows, not this call, guarantee that they reach the log. */
export function relaySoon(ctx: Pick<RequestContext, "background">, ...events: AuditEvent[]): void {
  const ids = events.map((event) => event.id);
  ctx.background("audit relay", (env) => relayEvents(env, ids));
}

import type { RequestContext } from "../context.ts";
import type { AuditEvent } from "./record.ts";
import { relayEvents } from "./relay.ts";

/** Hands committed events to the queue after the answer. Their outbox rows are what makes them safe, not this. */
export function relaySoon(ctx: Pick<RequestContext, "background">, ...events: AuditEvent[]): void {
  const ids = events.map((event) => event.id);
  ctx.background("audit relay", (env) => relayEvents(env, ids));
}

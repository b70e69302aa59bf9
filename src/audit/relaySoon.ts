import type { RequestContext } from "../context.ts";
import type { AuditEvent } from "./record.ts";
import { relayEvents, relayStored } from "./relay.ts";

/** Sends committed events to the queue after the answer. Their outbox rows, not this call, guarantee that they reach the log. */
export function relaySoon(ctx: Pick<RequestContext, "background">, ...events: AuditEvent[]): void {
  const ids = events.map((event) => event.id);
  ctx.background("audit relay", (env) => relayEvents(env, ids));
}

/** Sends an event, whose row was certainly written and need not be read again, to the queue after the answer. */
export function relayStoredSoon(ctx: Pick<RequestContext, "background">, event: AuditEvent): void {
  const row = { id: event.id, body: JSON.stringify(event), createdAt: event.at };
  ctx.background("audit relay", (env) => relayStored(env, [row]));
}

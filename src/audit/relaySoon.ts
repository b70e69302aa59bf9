import type { RequestContext } from "../context.ts";
import type { AuditEvent, Promised } from "./record.ts";
import { relayEvents, relayStored } from "./relay.ts";

/** Sends committed events to the queue after the answer. Their outbox rows, not this call, guarantee that they reach the log. */
export function relaySoon(ctx: Pick<RequestContext, "background">, ...events: AuditEvent[]): void {
  const ids = events.map((event) => event.id);
  ctx.background("audit relay", (env) => relayEvents(env, ids));
}

/** Sends an event, whose row was certainly written and need not be read again, to the queue after the answer. */
export const relayStoredSoon = (ctx: Pick<RequestContext, "background">, event: AuditEvent): void =>
  relayPromisedSoon(ctx, [{ id: event.id, body: JSON.stringify(event), createdAt: event.at }]);

/** Sends outbox rows that a committed batch has returned to the queue after the answer. */
export function relayPromisedSoon(ctx: Pick<RequestContext, "background">, rows: Promised[]): void {
  if (rows.length > 0) ctx.background("audit relay", (env) => relayStored(env, rows));
}

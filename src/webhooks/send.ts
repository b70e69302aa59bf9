import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, notFound } from "../errors.ts";
import type { RecordedEvent } from "../audit/events.ts";
import { isOfLog } from "./filters.ts";
import type { WebhookDelivery } from "./openapi.ts";
import { senderOf } from "./reach.ts";
import { type Place, type WebhookRow, called, hookNotFound, readHook, stackOfEvent } from "./webhook.ts";

/** Sends a test message at once, also by a webhook that is not active. @throws 404 */
export async function pingWebhook(ctx: OrgContext, place: Place, name: string): Promise<WebhookDelivery> {
  const row = await readHook(ctx, place, name);
  await record(ctx, place, "webhook-pinged", `Sent a test message by ${called(place, row)}.`);
  return (await senderOf(ctx.env, row.id).ping(row.id, ctx.now)) ?? gone(row);
}

/** Whether the caller may see messages of that kind: some are parts of the audit log. */
function sightOf(ctx: OrgContext): (kind: string) => boolean {
  const seesLog = has(ctx, "audit_streams:read");
  return (kind) => seesLog || !isOfLog(kind);
}

/** The last messages of a webhook that the caller may see, with their last attempts, the newest first. @throws 404 */
export async function listDeliveries(ctx: OrgContext, place: Place, name: string): Promise<WebhookDelivery[]> {
  const maySee = sightOf(ctx);
  const row = await readHook(ctx, place, name);
  const deliveries: WebhookDelivery[] = await senderOf(ctx.env, row.id).list(Date.now());
  return deliveries.filter(({ kind }) => maySee(kind));
}

/** Sends a stored message again at once. @throws 400 for a webhook that is not active, 404 */
export async function redeliverEvent(ctx: OrgContext, place: Place, name: string, eventId: string): Promise<WebhookDelivery> {
  const maySee = sightOf(ctx);
  const row = await readHook(ctx, place, name);
  if (!row.active) throw badRequest("the webhook is not active");
  const sender = senderOf(ctx.env, row.id);
  const kind = await sender.kindOf(eventId);
  if (kind === undefined || !maySee(kind)) throw notFound(`Webhook event '${eventId.slice(0, 100)}'`);
  await record(ctx, place, "webhook-event-redelivered", `Sent the message ${eventId} by ${called(place, row)} again.`);
  return (await sender.redeliver(row.id, eventId)) ?? gone(row);
}

/** The webhook was deleted meanwhile. */
function gone({ name }: WebhookRow): never {
  throw hookNotFound(name);
}

async function record(ctx: OrgContext, place: Place, event: RecordedEvent, description: string): Promise<void> {
  const promised = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event, description, ...stackOfEvent(place) });
  await guarded(ctx, [auditStatement(ctx.store, promised)]);
  relaySoon(ctx, promised);
}

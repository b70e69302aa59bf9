import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, notFound } from "../errors.ts";
import type { RecordedEvent } from "../audit/events.ts";
import type { WebhookDelivery } from "./openapi.ts";
import { senderOf } from "./reach.ts";
import { type Place, type WebhookRow, called, hookNotFound, readHook, requireSight, stackOfEvent } from "./webhook.ts";

/** Sends a test message at once, also by a webhook that is not active. @throws 404 */
export async function pingWebhook(ctx: OrgContext, place: Place, name: string): Promise<WebhookDelivery> {
  const row = await readHook(ctx, place, name);
  await record(ctx, place, "webhook-pinged", `Sent a test message by ${called(place, row)}.`);
  return (await senderOf(ctx.env, row.id).ping(row.id, ctx.now)) ?? gone(row);
}

/** The last messages of a webhook with their last attempts, the newest first. @throws 403, 404 */
export async function listDeliveries(ctx: OrgContext, place: Place, name: string): Promise<WebhookDelivery[]> {
  const row = await readHook(ctx, place, name);
  await requireSight(ctx, row);
  return senderOf(ctx.env, row.id).list(Date.now());
}

/** Sends a stored message again at once. @throws 400 for a webhook that is not active, 403, 404 */
export async function redeliverEvent(ctx: OrgContext, place: Place, name: string, eventId: string): Promise<WebhookDelivery> {
  const row = await readHook(ctx, place, name);
  await requireSight(ctx, row);
  if (!row.active) throw badRequest("the webhook is not active");
  const sender = senderOf(ctx.env, row.id);
  if (!(await sender.has(eventId))) throw notFound(`Webhook event '${eventId.slice(0, 100)}'`);
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

import { and, eq, isNull, sql } from "drizzle-orm";
import { nobody } from "../audit/behalf.ts";
import type { RecordedEvent } from "../audit/events.ts";
import { auditEvent, auditIf, changedARow } from "../audit/record.ts";
import { relayEvents } from "../audit/relay.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { organizations } from "../orgs/table.ts";
import { type DisabledReason, webhooks } from "./table.ts";
import { type Sealed, type WebhookRow, openHook, sealHook } from "./webhook.ts";

/** The webhook as its object needs it, with its organization and its opened secrets. Undefined if it was deleted. */
export async function readDue(env: Bindings, id: string) {
  const store = openStore(env);
  const [rows, orgs] = await batch(store, [
    store.db.select().from(webhooks).where(eq(webhooks.id, id)),
    store.db
      .select({ name: organizations.name })
      .from(organizations)
      .where(sql`${organizations.id} = (SELECT org_id FROM webhooks WHERE id = ${id})`),
  ]);
  const [row] = rows;
  if (!row || !orgs[0]) return undefined;
  return { row, org: orgs[0].name, opened: await openHook(env, row) };
}

/** Encrypts the secrets of a webhook with the current master key. A change at the same time wins. */
export async function reseal(env: Bindings, row: WebhookRow, opened: Sealed): Promise<void> {
  const store = openStore(env);
  await batch(store, [
    store.db
      .update(webhooks)
      .set({ sealed: await sealHook(env, row.id, opened) })
      .where(and(eq(webhooks.id, row.id), eq(webhooks.sealed, row.sealed))),
  ]);
}

/** Notes that a webhook fails since a time, for people. */
export async function noteFailing(env: Bindings, id: string, since: number, error: string): Promise<void> {
  const store = openStore(env);
  await batch(store, [
    store.db
      .update(webhooks)
      .set({ failingSince: since, error })
      .where(and(eq(webhooks.id, id), isNull(webhooks.failingSince))),
  ]);
}

export async function noteSuccess(env: Bindings, id: string): Promise<void> {
  const store = openStore(env);
  await batch(store, [store.db.update(webhooks).set({ failingSince: null, error: "" }).where(eq(webhooks.id, id))]);
}

/** Records that a message was given up. @param messageId the event is recorded once for it */
export async function recordFailing(env: Bindings, row: WebhookRow, messageId: string, error: string): Promise<void> {
  const store = openStore(env);
  const event = {
    ...told(row, "webhook-failing", `The webhook ${row.name} to ${row.destination} failed for a day: ${error}`),
    id: `webhook-failing-${messageId}`,
  };
  await batch(store, [
    auditIf(
      store,
      event,
      sql`EXISTS (SELECT 1 FROM ${webhooks} WHERE ${webhooks.id} = ${row.id})
      AND NOT EXISTS (SELECT 1 FROM audit_outbox WHERE id = ${event.id})`,
    ),
  ]);
  await relayEvents(env, [event.id]);
}

const because: Record<Exclude<DisabledReason, "revoked">, string> = {
  failing: "because it failed for five days",
  gone: "because its destination answered that it does not exist any more (status 410)",
};

/** Deactivates a webhook that is as it was read, with an event. */
export async function disable(env: Bindings, row: WebhookRow, why: keyof typeof because): Promise<void> {
  const store = openStore(env);
  const event = told(row, "webhook-disabled", `Deactivated the webhook ${row.name} to ${row.destination}, ${because[why]}.`);
  await batch(store, [
    store.db
      .update(webhooks)
      .set({ active: false, disabledFor: why, version: row.version + 1 })
      .where(and(eq(webhooks.id, row.id), eq(webhooks.version, row.version), eq(webhooks.active, true))),
    auditIf(store, event, changedARow),
  ]);
  await relayEvents(env, [event.id]);
}

const told = (row: WebhookRow, event: RecordedEvent, description: string) =>
  auditEvent({ now: Date.now(), address: "" }, row.orgId, nobody, { event, description });

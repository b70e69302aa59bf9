import { and, eq, sql } from "drizzle-orm";
import type { ChainRecord } from "../audit/chain.ts";
import { recordsFrom, selectFrom } from "../audit/fromChain.ts";
import { auditHeads } from "../audit/table.ts";
import { sha256 } from "../audit/chain.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { organizations } from "../orgs/table.ts";
import { updates } from "../updates/table.ts";
import type { Sending } from "./deliveries.ts";
import { digestItemOf } from "./digest.ts";
import { type WebhookFilter, selects } from "./filters.ts";
import { type EndedUpdate, type Message, messageOfRecord, messageOfUpdate } from "./message.ts";
import { senderOf } from "./reach.ts";
import { filterOfUpdate, signalOf } from "./signals.ts";
import { webhookCursors, webhooks } from "./table.ts";

/** Maximum number of records of a step. */
const MOST_RECORDS = 500;
/** Older records are not sent: a message is given up a day after its event. Milliseconds. */
const OLDEST = 86_400_000;
/** Maximum number of objects that are called at the same time. */
const AT_ONCE = 20;

/** Whether there is more to examine, or the organization has no webhooks any more. */
export type Next = "more" | "idle" | "gone";

/**
 * One step of an organization: it reads the next records of the audit log, makes the messages of its webhooks, hands them over to their
 * objects, and moves the cursor. The step may be repeated and may end anywhere: a message has the same id each time, and its object takes it once.
 * @param isLastTry the messages for an object that cannot be reached are left out, so that they stop no others
 */
export async function dispatch(env: Bindings, orgId: string, isLastTry = false): Promise<Next> {
  const store = openStore(env);
  const [cursors, orgs, heads, archives, rows] = await batch(store, [
    store.db.select().from(webhookCursors).where(eq(webhookCursors.orgId, orgId)),
    store.db.select({ name: organizations.name }).from(organizations).where(eq(organizations.id, orgId)),
    store.db.select({ seq: auditHeads.seq }).from(auditHeads).where(eq(auditHeads.orgId, orgId)),
    ...selectFrom(store, orgId, sql`coalesce((SELECT seq FROM webhook_cursors WHERE org_id = ${orgId}), 0) + 1`, MOST_RECORDS),
  ]);
  const [cursor] = cursors;
  const [org] = orgs;
  if (!cursor || !org) return "gone";
  const head = heads[0]?.seq ?? 0;
  const records = await recordsFrom(env.STATE, archives, rows, cursor.seq + 1);
  // After the restoration of an older backup the log is shorter than before.
  const through = records.at(-1)?.seq ?? Math.min(cursor.seq, head);
  const since = Date.now() - OLDEST;
  const signals = records.flatMap((record) => signalIn(record, since) ?? []);
  if (signals.length > 0) await send(env, store, { orgId, org: org.name, signals, isLastTry });
  await batch(store, [
    store.db
      .update(webhookCursors)
      .set({ seq: through })
      .where(and(eq(webhookCursors.orgId, orgId), eq(webhookCursors.seq, cursor.seq))),
  ]);
  return through < head ? "more" : "idle";
}

/** The event of webhooks that a record of the log is. A refusal that is not an event of webhooks is a part of digests. */
function signalIn(record: ChainRecord, since: number) {
  const signal = signalOf(record as unknown as Parameters<typeof signalOf>[0]);
  const isLate = Number(record["at"]) < since;
  return signal || record["authFailure"] === true ? { record, isLate, ...signal } : undefined;
}

interface Work {
  orgId: string;
  org: string;
  signals: NonNullable<ReturnType<typeof signalIn>>[];
  isLastTry: boolean;
}

async function send(env: Bindings, store: Store, { orgId, org, signals, isLastTry }: Work): Promise<void> {
  const ids = JSON.stringify(signals.flatMap(({ updateId }) => updateId ?? []));
  const ofThese = sql`${updates.id} IN (SELECT value FROM json_each(${ids}))`;
  const [ended, hooks] = await batch(store, [
    store.db
      .select({
        id: updates.id,
        stackId: updates.stackId,
        kind: updates.kind,
        dryRun: updates.dryRun,
        status: updates.status,
        version: updates.version,
        resourceChanges: updates.resourceChanges,
        message: sql<string>`substr(${updates.message}, 1, 1000)`.as("update_message"),
      })
      .from(updates)
      .where(ofThese),
    store.db
      .select({
        id: webhooks.id,
        stackId: webhooks.stackId,
        filters: webhooks.filters,
        groups: webhooks.groups,
        digest: webhooks.digest,
        host: webhooks.host,
        fromSeq: webhooks.fromSeq,
      })
      .from(webhooks)
      .where(
        and(
          eq(webhooks.orgId, orgId),
          eq(webhooks.active, true),
          sql`(${webhooks.stackId} = '' OR ${webhooks.stackId} IN (SELECT ${updates.stackId} FROM ${updates} WHERE ${ofThese}))`,
        ),
      ),
  ]);
  const byId = new Map(ended.map((update) => [update.id, update]));
  const known = signals.map(({ record, filter: own, updateId, isLate }) => {
    const update = updateId === undefined ? undefined : byId.get(updateId);
    return { record, isLate, update, filter: update ? filterOfUpdate(update.kind, update.dryRun, update.status) : own };
  });
  const events = known.flatMap(({ record, filter, update, isLate }): WebhookEvent[] =>
    filter && !isLate ? [{ record, filter, update }] : [],
  );
  const items = known.flatMap(({ record, filter, update }) => digestItemOf(record, filter, update, org) ?? []);
  const work = hooks.flatMap((hook) => {
    const isDigest = hook.digest !== null;
    const collected = isDigest ? items.filter(({ seq }) => seq > hook.fromSeq) : [];
    const sendings = isDigest ? [] : events.filter((event) => isFor(hook, event)).map((event) => sendingOf(hook, event, org));
    return sendings.length + collected.length > 0 ? [{ hook, sendings, collected }] : [];
  });
  for (let i = 0; i < work.length; i += AT_ONCE)
    await Promise.all(
      work.slice(i, i + AT_ONCE).map(async ({ hook, sendings, collected }) => {
        try {
          if (sendings.length > 0) await senderOf(env, hook.id).add(hook.id, sendings);
          if (collected.length > 0) await senderOf(env, hook.id).collect(hook.id, collected);
        } catch (error) {
          if (!isLastTry) throw error;
          logError("messages of a webhook are lost", error, { webhookId: hook.id, messages: sendings.length + collected.length });
        }
      }),
    );
}

interface WebhookEvent {
  record: ChainRecord;
  filter: WebhookFilter;
  update: (EndedUpdate & { stackId: string }) | undefined;
}

interface Hook {
  id: string;
  stackId: string;
  filters: string[];
  groups: string[];
  host: string;
  fromSeq: number;
}

/** Whether a webhook gets an event. A webhook of a stack gets the updates of that stack only. */
export const isFor = (hook: Pick<Hook, "stackId" | "filters" | "groups" | "fromSeq">, { record, filter, update }: WebhookEvent): boolean =>
  record.seq > hook.fromSeq && (hook.stackId === "" || hook.stackId === update?.stackId) && selects(hook, filter);

function sendingOf(hook: Hook, { record, filter, update }: WebhookEvent, org: string): Sending {
  const place = { org, origin: originOf(hook.host) };
  const message: Message = update ? messageOfUpdate(update, record, place) : messageOfRecord(filter, record, place);
  return { id: idOf(hook.id, String(record["id"])), message, at: Number(record["at"]) };
}

/** The id of a message: the same for the same event and webhook. It has the form of a UUID. */
export function idOf(webhookId: string, eventId: string): string {
  const hex = sha256(`${webhookId} ${eventId}`);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

/** A development server has no certificate. */
export const originOf = (host: string) => `${/^(localhost|127\.|\[::1\])/.test(host) ? "http" : "https"}://${host}`;

import { type SQL, sql } from "drizzle-orm";
import { type Actor, type RequestContext, loginOf } from "../context.ts";
import type { Store } from "../db/client.ts";
import { type RecordedEvent, flagsOf } from "./events.ts";
import { auditEvents, auditOutbox } from "./table.ts";

/** Prefix of the ids of events that are recorded once for each update, when a call under its lease is refused. */
export const REFUSED_LEASE = "refused-lease-";

/** An event before it is logged: a row of the log without a sequence number. */
export type AuditEvent = Omit<typeof auditEvents.$inferSelect, "seq" | "prevHash" | "hash">;

export interface AuditEntry {
  event: RecordedEvent;
  /** One sentence for people; never a secret. */
  description: string;
  /** `project/stack`, when the event is about a stack. */
  stack?: string;
}

export type Who = Pick<AuditEvent, "userLogin" | "userName" | "tokenId" | "tokenName"> & Partial<Pick<AuditEvent, "openedWith">>;

/** Machines are named by their token and organization, never by the person who created the token. */
export const whoIs = (actor: Actor): Who => ({
  userLogin: loginOf(actor),
  userName: actor.kind === "user" ? actor.user.name : actor.org.name,
  tokenId: actor.token.id,
  tokenName: actor.token.name,
  openedWith: actor.token.openedWith ?? "",
});

export function auditEvent(ctx: Pick<RequestContext, "now" | "address">, orgId: string, who: Who, entry: AuditEntry): AuditEvent {
  return {
    id: crypto.randomUUID(),
    orgId,
    at: ctx.now,
    event: entry.event,
    description: entry.description,
    sourceIp: ctx.address,
    openedWith: "",
    ...who,
    stack: entry.stack ?? "",
    ...flagsOf(entry.event),
  };
}

/** Milliseconds after which the cron sends an event that is not in the log. */
export const RELAY_AFTER = 60_000;

/** Writes the outbox row of an event: it belongs in the same batch as the change that the event describes. */
export const auditStatement = (store: Store, event: AuditEvent) =>
  store.db.insert(auditOutbox).values({ id: event.id, body: JSON.stringify(event), createdAt: event.at, relayAt: event.at + RELAY_AFTER });

/** An outbox row: an event that is promised to the log. */
export type Promised = Pick<typeof auditOutbox.$inferSelect, "id" | "body" | "createdAt">;

/** A row of the outbox as the statement that writes it returns it, so that it can be sent to the queue without being read again. */
export const promisedColumns = { id: auditOutbox.id, body: auditOutbox.body, createdAt: auditOutbox.createdAt };

/**
 * Writes the outbox row only if `condition` is true inside the batch. Nothing is read before the batch, so there is no race and no false
 * record.
 */
export const auditIf = (store: Store, event: AuditEvent, condition: SQL, body: SQL = sql`${JSON.stringify(event)}`) =>
  store.db.insert(auditOutbox).select(sql`SELECT NULL, ${event.id}, ${body}, ${event.at}, ${event.at + RELAY_AFTER} WHERE ${condition}`);

/** Deletes outbox rows: the log has these events, or R2 has them as dead letters. */
export const forgetPromises = (store: Store, events: { id: string }[]) =>
  store.db
    .delete(auditOutbox)
    .where(sql`${auditOutbox.id} IN (SELECT value FROM json_each(${JSON.stringify(events.map(({ id }) => id))}))`);

/** True right after a statement of the same batch that changed a row. */
export const changedARow = sql`changes() > 0`;

/** The event with a description that the database composes. */
export const describedBy = (event: AuditEvent, description: SQL) =>
  sql`json_set(${JSON.stringify(event)}, '$.description', ${description})`;

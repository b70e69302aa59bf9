import { type SQL, sql } from "drizzle-orm";
import { type Actor, type RequestContext, loginOf } from "../context.ts";
import type { Store } from "../db/client.ts";
import { type RecordedEvent, flagsOf } from "./events.ts";
import { auditEvents, auditOutbox } from "./table.ts";

/** Begins the ids of events that are recorded once for each update: a lease of it was refused. */
export const REFUSED_LEASE = "refused-lease-";

/** An event as it travels: a row of the log that has no place in the chain yet. */
export type AuditEvent = Omit<typeof auditEvents.$inferSelect, "seq" | "prevHash" | "hash">;

export interface AuditEntry {
  event: RecordedEvent;
  /** One sentence for people; never a secret. */
  description: string;
  /** `project/stack`, when it is about one. */
  stack?: string;
}

export type Who = Pick<AuditEvent, "userLogin" | "userName" | "tokenId" | "tokenName"> & Partial<Pick<AuditEvent, "openedWith">>;

/** Machines are named by their token and organization, never by the person who made the token. */
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

/** The cron sends an event that is not in the log after this time. Milliseconds. */
export const RELAY_AFTER = 60_000;

/** The promise: goes into the same batch as the change it tells of. */
export const auditStatement = (store: Store, event: AuditEvent) =>
  store.db.insert(auditOutbox).values({ id: event.id, body: JSON.stringify(event), createdAt: event.at, relayAt: event.at + RELAY_AFTER });

/** The same, but only where `condition` holds inside the batch: no read first, no race, no false row. */
export const auditIf = (store: Store, event: AuditEvent, condition: SQL, body: SQL = sql`${JSON.stringify(event)}`) =>
  store.db.insert(auditOutbox).select(sql`SELECT NULL, ${event.id}, ${body}, ${event.at}, ${event.at + RELAY_AFTER} WHERE ${condition}`);

/** The log has these events, or R2 has them as dead letters. */
export const forgetPromises = (store: Store, events: { id: string }[]) =>
  store.db
    .delete(auditOutbox)
    .where(sql`${auditOutbox.id} IN (SELECT value FROM json_each(${JSON.stringify(events.map(({ id }) => id))}))`);

/** Holds right after a statement of the same batch that changed a row. */
export const changedARow = sql`changes() > 0`;

/** The event with a description that only the database can word. */
export const describedBy = (event: AuditEvent, description: SQL) =>
  sql`json_set(${JSON.stringify(event)}, '$.description', ${description})`;

import { type SQL, sql } from "drizzle-orm";
import { type Actor, type RequestContext, loginOf } from "../context.ts";
import type { Store } from "../db/client.ts";
import { type EventName, flagsOf } from "./events.ts";
import { auditEvents, auditOutbox } from "./table.ts";

/** An event as it travels: a row of the log that has no place in the chain yet. */
export type AuditEvent = Omit<typeof auditEvents.$inferSelect, "seq" | "prevHash" | "hash">;

export interface AuditEntry {
  event: EventName;
  /** One sentence for people; never a secret. */
  description: string;
  /** `project/stack`, when it is about one. */
  stack?: string;
}

export type Who = Pick<AuditEvent, "userLogin" | "userName" | "tokenId" | "tokenName">;

/** Machines are named by their token and organization, never by the person who made the token. */
export const whoIs = (actor: Actor): Who => ({
  userLogin: loginOf(actor),
  userName: actor.kind === "user" ? actor.user.name : actor.org.name,
  tokenId: actor.token.id,
  tokenName: actor.token.name,
});

export function auditEvent(ctx: Pick<RequestContext, "now" | "address">, orgId: string, who: Who, entry: AuditEntry): AuditEvent {
  return {
    id: crypto.randomUUID(),
    orgId,
    at: ctx.now,
    event: entry.event,
    description: entry.description,
    sourceIp: ctx.address,
    ...who,
    stack: entry.stack ?? "",
    ...flagsOf(entry.event),
  };
}

/** The promise: goes into the same batch as the change it tells of. */
export const promise = (store: Store, event: AuditEvent) =>
  store.db.insert(auditOutbox).values({ id: event.id, body: JSON.stringify(event), createdAt: event.at });

/** The same, but only where `condition` holds inside the batch: no read first, no race, no false row. */
export const promiseIf = (store: Store, event: AuditEvent, condition: SQL, body: SQL = sql`${JSON.stringify(event)}`) =>
  store.db.insert(auditOutbox).select(sql`SELECT NULL, ${event.id}, ${body}, ${event.at} WHERE ${condition}`);

/** Holds right after a statement of the same batch that changed a row. */
export const changedARow = sql`changes() > 0`;

/** The event with a description that only the database can word. */
export const describedBy = (event: AuditEvent, description: SQL) =>
  sql`json_set(${JSON.stringify(event)}, '$.description', ${description})`;

import type { Bindings } from "../env.ts";
import { byPlace } from "../db/places.ts";
import { logError } from "../log.ts";
import { NotWritten, appendToChains, isMoved } from "./append.ts";
import type { AuditEvent } from "./record.ts";

/**
 * Writes events into the log. An event that cannot be written does not block others: if a batch fails, it is split and retried, first by
 * organization, then in halves, down to one event. A database that fails does not block the events of another one.
 * @returns ids of the events that are in the log now
 * @throws when no chain can be read: then no event can be written
 */
export async function writeEvents(env: Bindings, events: AuditEvent[]): Promise<Set<string>> {
  const parts = await Promise.allSettled(byPlace(env, events).map(([at, part]) => writeInPlace(at, part)));
  const failed = parts.find((part) => part.status === "rejected");
  if (failed && parts.every(({ status }) => status === "rejected")) throw failed.reason;
  if (failed) logError("audit log of one database not written, will be retried", failed.reason);
  return new Set(parts.flatMap((part) => (part.status === "fulfilled" ? [...part.value] : [])));
}

async function writeInPlace(env: Bindings, events: AuditEvent[]): Promise<Set<string>> {
  try {
    await appendToChains(env, events);
    return new Set(events.map(({ id }) => id));
  } catch (error) {
    if (!(error instanceof NotWritten) && !isMoved(error)) throw error;
    const parts = partsOf(events, error);
    if (parts.length === 0) logError("audit events cannot be written", error, { ids: events.map(({ id }) => id).slice(0, 10) });
    const written = new Set<string>();
    for (const part of parts) for (const id of await writeInPlace(env, part)) written.add(id);
    return written;
  }
}

function partsOf(events: AuditEvent[], error: unknown): AuditEvent[][] {
  const byOrganization = Object.values(Object.groupBy(events, ({ orgId }) => orgId)).filter((part) => part !== undefined);
  if (byOrganization.length > 1) return byOrganization;
  // If the end of a chain differs from its head, no event is added to it.
  if (events.length === 1 || isMoved(error)) return [];
  const middle = Math.ceil(events.length / 2);
  return [events.slice(0, middle), events.slice(middle)];
}

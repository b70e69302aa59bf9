import { eventTypes } from "../../audit/events.ts";

/** How an event is called where people read. */
export const eventLabel = (event: string) =>
  (eventTypes as Record<string, { displayName: string } | undefined>)[event]?.displayName ?? event;

/** Tokens of people have no name: enough of the id to tell one from another. */
export const tokenLabel = (name: string | undefined, id: string) => name || `personal token ${id.slice(0, 8)}`;

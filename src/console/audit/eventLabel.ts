import { eventTypes } from "../../audit/events.ts";

/** How an event is called where people read. */
export const eventLabel = (event: string) =>
  (eventTypes as Record<string, { displayName: string } | undefined>)[event]?.displayName ?? event;

import { type EngineEvent, urnOf } from "./engineEvents.ts";

/** The events that a reader requests. */
export interface EventQuery {
  /** Number of the last event that the reader has; -1 for none. */
  after: number;
  /** A bit for each requested kind: `1 << kind`. */
  kinds: number;
  urn?: string | undefined;
}

/** All bits, also those of unknown kinds. */
export const ALL_KINDS = 0xffffffff;

/** Maximum number of events on one page, and of characters of their JSON. A page may have one event of any size. */
const MAX_EVENTS = 200;
const MAX_CHARACTERS = 2 * 1024 * 1024;

/** Builds a page: it receives the events in ascending order and keeps the requested ones. */
export class EventPage {
  readonly events: string[] = [];
  /** Number of the last event on the page. */
  last: number;
  /** Whether there is at least one more event for the next page. */
  more = false;
  #characters = 0;
  readonly #query: EventQuery;

  constructor(query: EventQuery) {
    this.#query = query;
    this.last = query.after;
  }

  /** Whether an event may belong on the page, decided without its text. */
  wants({ sequence, kind }: { sequence: number; kind: number }): boolean {
    return sequence > this.#query.after && (this.#query.kinds & (1 << kind)) !== 0;
  }

  /** Adds an event if it is requested. @returns false when the page is full and no further events are needed */
  add(sequence: number, text: string): boolean {
    const { urn } = this.#query;
    if (urn !== undefined && urnOf(JSON.parse(text) as EngineEvent) !== urn) return true;
    const full = this.events.length === MAX_EVENTS || this.#characters + text.length > MAX_CHARACTERS;
    if (full && this.events.length > 0) {
      this.more = true;
      return false;
    }
    this.events.push(text);
    this.last = sequence;
    this.#characters += text.length;
    return true;
  }
}

/** A page in the answer of an object. `running` means that later events may arrive. */
export type EventsAnswer = Pick<EventPage, "events" | "last" | "more"> & { running: boolean };

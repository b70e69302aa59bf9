import { type EngineEvent, urnOf } from "./engineEvents.ts";

/** What a reader of an update's events asks for. */
export interface EventQuery {
  /** Number of the last event that the reader has; -1 for none. */
  after: number;
  /** A bit for each kind that is wanted: `1 << kind`. */
  kinds: number;
  urn?: string | undefined;
}

/** Every bit, also of kinds that we do not know yet: a kind is left out only by a query that names others. */
export const ALL_KINDS = 0xffffffff;

/** Bounds of one page; characters of JSON. One event is always given, however large. */
const MAX_EVENTS = 200;
const MAX_CHARACTERS = 2 * 1024 * 1024;

/** A page in the making: it is shown the events in ascending order, and takes those that are asked for. */
export class EventPage {
  readonly events: string[] = [];
  /** Number of the last event on the page. */
  last: number;
  /** Another event would have been on it. */
  more = false;
  #characters = 0;
  readonly #query: EventQuery;

  constructor(query: EventQuery) {
    this.#query = query;
    this.last = query.after;
  }

  /** Whether an event may be on the page, as far as can be told without its text. */
  wants({ sequence, kind }: { sequence: number; kind: number }): boolean {
    return sequence > this.#query.after && (this.#query.kinds & (1 << kind)) !== 0;
  }

  /** @returns false when the page is full: the event was not taken, and the page has what it needs to know */
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

/** A page as it travels, and whether later events may come. */
export type EventsAnswer = Pick<EventPage, "events" | "last" | "more"> & { running: boolean };

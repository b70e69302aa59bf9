import { decodeText } from "../../state/json/json.ts";
import { JournalCache } from "../../state/replay/journalCache.ts";
import { type EventRef, eventsInBatch, lineOf } from "../../engineEvents/engineEvents.ts";
import type { LoggedEvent } from "../../engineEvents/eventLog.ts";
import { EventPage, type EventQuery } from "../../engineEvents/eventPage.ts";
import type { BodyStore } from "./bodyStore.ts";

/** Number of bytes of events that are searched before other requests may run. */
const IN_ONE_GO = 512 * 1024;

/**
 * The events of an update that are still in the object, in ascending order. Batches arrive out of order, repeat events, and are stored as
 * received; this index reads each batch once, at the first request of a reader. It keeps only the positions of events in memory, and no
 * text.
 */
export class EventIndex {
  readonly #received: BodyStore;
  readonly #updateId: string;
  readonly #texts: JournalCache;
  readonly #seen = new Set<number>();
  readonly #known = new Map<number, EventRef>();
  #sorted: EventRef[] = [];

  constructor(received: BodyStore, updateId: string) {
    this.#received = received;
    this.#updateId = updateId;
    this.#texts = new JournalCache(received.bodies(updateId, "events"));
  }

  /** Reads the batches that have arrived since. Other requests may run between two batches: a deployment may be waiting. */
  async catchUp(): Promise<void> {
    for (let batches = this.#unseen(); batches.length > 0; batches = this.#unseen()) {
      for (const batch of batches) {
        // Another reader may have read it meanwhile.
        if (this.#seen.has(batch)) continue;
        this.#seen.add(batch);
        for (const ref of this.#refsIn(batch)) if (!this.#known.has(ref.sequence)) this.#known.set(ref.sequence, ref);
        await scheduler.wait(0);
      }
    }
    if (this.#sorted.length < this.#known.size) this.#sorted = [...this.#known.values()].sort((a, b) => a.sequence - b.sequence);
  }

  #unseen(): number[] {
    return this.#received.batches(this.#updateId, "events").filter((batch) => !this.#seen.has(batch));
  }

  /** Returns the events of a batch; none if the batch cannot be parsed. */
  #refsIn(batch: number): EventRef[] {
    try {
      return eventsInBatch(this.#received.read(this.#updateId, "events", batch), batch);
    } catch {
      return [];
    }
  }

  /**
   * Returns a page. Other requests may run during the search: a filter by resource may have to read every event of a large update.
   * @param gaps return events although earlier ones have not arrived yet; a reader that continues from there misses those
   * @param isHere whether the object still has the events, after other requests have run
   * @returns undefined when the object does not have them any more
   */
  async page(query: EventQuery, gaps: boolean, isHere: () => boolean): Promise<EventPage | undefined> {
    const page = new EventPage(query);
    let bytes = 0;
    for (const [i, ref] of this.#sorted.entries()) {
      if (!gaps && ref.sequence !== i) break;
      if (!page.wants(ref)) continue;
      if (!page.add(ref.sequence, decodeText(this.#lineOf(ref)))) break;
      bytes += ref.end - ref.start;
      if (bytes < IN_ONE_GO) continue;
      bytes = 0;
      await scheduler.wait(0);
      if (!isHere()) return undefined;
    }
    return page;
  }

  async *lines(): AsyncGenerator<LoggedEvent> {
    for (const ref of this.#sorted) yield { sequence: ref.sequence, kind: ref.kind, line: this.#lineOf(ref) };
  }

  get isEmpty(): boolean {
    return this.#sorted.length === 0;
  }

  #lineOf(ref: EventRef): Uint8Array {
    // Bodies are in the object's own SQLite, which answers at once.
    return lineOf(this.#texts.get(ref) as Uint8Array);
  }
}

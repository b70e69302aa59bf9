import { writeEventLog } from "../../engineEvents/eventLog.ts";
import type { EventQuery, EventsAnswer } from "../../engineEvents/eventPage.ts";
import { EventIndex } from "./eventIndex.ts";
import type { BodyStore } from "./bodyStore.ts";
import type { Runs } from "./runs.ts";

/** The engine events of a stack's runs, from their arrival until they are in R2. */
export class EventStore {
  readonly #runs: Runs;
  readonly #received: BodyStore;
  /** The index of a run's events, for readers during the run. */
  readonly #read = new Map<string, EventIndex>();

  constructor(runs: Runs, received: BodyStore) {
    this.#runs = runs;
    this.#received = received;
  }

  /** A page of a run's events; undefined when the object has forgotten the run. @param gaps as in `EventIndex.page`, while the run lasts */
  async page(updateId: string, query: EventQuery, gaps: boolean): Promise<EventsAnswer | undefined> {
    if (!this.#runs.get(updateId)) return undefined;
    const read = this.#of(updateId);
    await read.catchUp();
    const run = this.#runs.get(updateId);
    if (!run) return undefined;
    const running = run.phase === "running";
    const page = await read.page(query, gaps || !running, () => this.#runs.get(updateId) !== undefined);
    return page && { events: page.events, last: page.last, more: page.more, running };
  }

  /** Writes a run's events to R2, without batches that cannot be parsed. */
  async keep(bucket: R2Bucket, updateId: string): Promise<void> {
    const read = this.#of(updateId);
    await read.catchUp();
    if (!read.isEmpty) await writeEventLog(bucket, updateId, read.lines());
  }

  forget(updateId: string): void {
    this.#received.drop(updateId, "events");
    this.#read.delete(updateId);
  }

  #of(updateId: string): EventIndex {
    let read = this.#read.get(updateId);
    if (!read) this.#read.set(updateId, (read = new EventIndex(this.#received, updateId)));
    return read;
  }
}

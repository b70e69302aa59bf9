import { writeEventLog } from "../../engineEvents/eventLog.ts";
import type { EventQuery, EventsAnswer } from "../../engineEvents/eventPage.ts";
import { LiveEvents } from "./eventIndex.ts";
import type { Received } from "./bodyStore.ts";
import type { Runs } from "./runs.ts";

/** The engine events of a stack's runs, from their arrival until they are in R2. */
export class RunEvents {
  readonly #runs: Runs;
  readonly #received: Received;
  /** The index of a run's events, for readers during the run. */
  readonly #read = new Map<string, LiveEvents>();

  constructor(runs: Runs, received: Received) {
    this.#runs = runs;
    this.#received = received;
  }

  /** A page of a run's events; undefined when the object has forgotten the run. @param gaps as in `LiveEvents.page`, while the run lasts */
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

  #of(updateId: string): LiveEvents {
    let read = this.#read.get(updateId);
    if (!read) this.#read.set(updateId, (read = new LiveEvents(this.#received, updateId)));
    return read;
  }
}

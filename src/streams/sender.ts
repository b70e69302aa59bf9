import { DurableObject } from "cloudflare:workers";
import { atPlace, placeOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { log, logError } from "../log.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";
import { loaded } from "../loaded.ts";
import type { Begun, Next } from "./deliver.ts";
import type { KeyHolder } from "./role.ts";

/** Milliseconds from the first new record to the batch that contains it, in which more records come together. */
const GATHER = 1000;
/** Milliseconds until a step that ended without a result is repeated. */
const REPEAT = 60_000;
/** Milliseconds until a step is repeated after a failure of our own database or bucket. */
const OWN_FAILURE = 10_000;

const delivery = loaded(() => import("./deliver.ts"));

/**
 * Sends one audit stream. Each stream has an object of its own, so a destination that hangs delays no other stream, and one step follows
 * another, so the order of the records is kept. D1 has everything that must not be lost; the object stores the alarm, and the end of the batch
 * that it began to send.
 */
export class AuditSender extends DurableObject<Bindings> {
  /** Ends the step that is under way. */
  #step: AbortController | undefined;
  /** Whether there were new records during the step. */
  #isWoken = false;
  /** The temporary key of the stream's role. */
  readonly #holder: KeyHolder = {};

  /** Notifies the object of new records, and does not wait until they are sent. */
  async wake(streamId: string): Promise<void> {
    await this.#remember(streamId);
    if (this.#step) this.#isWoken = true;
    // An alarm that is set may be the end of a wait after a failure.
    else if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + GATHER);
  }

  /** The stream was changed, paused or deleted. A step that is under way ends, and the next one reads the stream as it is now. */
  async changed(streamId: string): Promise<void> {
    await this.#remember(streamId);
    this.#step?.abort();
    await this.ctx.storage.setAlarm(Date.now());
  }

  async #remember(streamId: string): Promise<void> {
    if ((await this.ctx.storage.get("streamId")) !== streamId) await this.ctx.storage.put("streamId", streamId);
  }

  override async alarm(): Promise<void> {
    const streamId = await this.ctx.storage.get<string>("streamId");
    if (streamId === undefined) return;
    const began = Date.now();
    const roundTrips = noRoundTrips();
    const step = new AbortController();
    this.#step = step;
    this.#isWoken = false;
    // The next alarm is set before the work, which may terminate the object: the platform repeats an alarm six times only.
    await this.ctx.storage.setAlarm(began + REPEAT);
    let next: Next;
    try {
      const { deliver } = await delivery();
      next = await deliver(counting(atPlace(this.env, placeOf(streamId)), roundTrips), streamId, {
        begun: await this.ctx.storage.get<Begun>("begun"),
        begin: (begun) => this.ctx.storage.put("begun", begun),
        signal: step.signal,
        holder: this.#holder,
      });
    } catch (error) {
      logError("a step of an audit stream will be repeated", error, { streamId });
      next = OWN_FAILURE;
    } finally {
      this.#step = undefined;
    }
    log("audit stream", { streamId, next, ms: Date.now() - began, roundTrips });
    await this.#setAlarm(step.signal.aborted ? 0 : next);
  }

  async #setAlarm(next: Next): Promise<void> {
    const { storage } = this.ctx;
    // New records do not end the wait after a failure.
    if (typeof next === "number") return storage.setAlarm(Date.now() + next);
    if (next === "idle" && this.#isWoken) return storage.setAlarm(Date.now() + GATHER);
    await storage.deleteAlarm();
    if (next === "gone") await storage.deleteAll();
  }
}

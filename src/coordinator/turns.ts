import { relayEvents, relayStored } from "../audit/relay.ts";
import { openStore } from "../db/client.ts";
import { atPlace, placeOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";
import type { StackContext } from "./context.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";

/** The stores of the object, which all work can use. */
type Stores = Pick<StackContext, "runs" | "received" | "events" | "departure">;
type Work<T> = (ctx: StackContext) => Promise<T>;

/** Runs the work of a stack's object, in the database of the stack's organization. */
export class Turns {
  readonly #state: Pick<DurableObjectState, "waitUntil">;
  readonly #env: Bindings;
  readonly #stores: Stores;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(state: Pick<DurableObjectState, "waitUntil">, env: Bindings, stores: Stores) {
    this.#state = state;
    this.#env = env;
    this.#stores = stores;
  }

  /**
   * Runs one change of the stack at a time: without this another could begin while one awaits D1 or R2.
   * @param orgId the organization of the stack as the caller names it; if absent, the one that the object's runs name
   */
  exclusive<T>(work: Work<T>, orgId?: string): Promise<Outcome<T>> {
    const turn = this.#tail.then(() => this.answer(work, orgId));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Runs work that may be done beside others. */
  answer<T>(work: Work<T>, orgId = this.#stores.runs.all()[0]?.orgId ?? ""): Promise<Outcome<T>> {
    const roundTrips = noRoundTrips();
    const env = atPlace(this.#env, placeOf(orgId));
    return outcomeOf(roundTrips, () => work(this.#context(counting(env, roundTrips), env)));
  }

  /** @param uncounted the bindings for work after the answer */
  #context(env: Bindings, uncounted: Bindings): StackContext {
    return {
      store: openStore(env),
      env,
      ...this.#stores,
      relaySoon: (...events) => {
        const ids = events.map((event) => event.id);
        this.#relay(relayEvents(uncounted, ids));
      },
      relayPromised: (rows) => this.#relay(relayStored(uncounted, rows)),
    };
  }

  #relay(relay: Promise<void>): void {
    this.#state.waitUntil(relay.catch((error: unknown) => logError("audit relay failed", error)));
  }
}

import { DurableObject } from "cloudflare:workers";
import { relayEvents } from "../audit/relay.ts";
import { openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { conflict } from "../errors.ts";
import { limitsOf } from "../limits.ts";
import { log, logError } from "../log.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";
import type { EventQuery, EventsAnswer } from "../engineEvents/eventPage.ts";
import { answerTo, receiveFor } from "./receive/dispatch.ts";
import { type CommitImport, commitImport } from "./commitImport.ts";
import type { EndedBy } from "./commitEnd.ts";
import { finishRun } from "./finish.ts";
import { learnEnd, learnHoldersEnd } from "./learnEnd.ts";
import { dueAt, isOver } from "./lifetime.ts";
import { cancelLostStart, sweepLostStart } from "./lostStarts.ts";
import { type Outcome, outcomeOf, unwrap } from "./outcome.ts";
import { type MoveStack, moveStack } from "./move.ts";
import { aborted, ended, leaseOver, withoutState } from "./endedErrors.ts";
import { Received } from "./storage/bodyStore.ts";
import { type ReencryptStack, reencryptStack } from "./reencrypt.ts";
import { type RemoveStack, removeStack } from "./remove.ts";
import { type RenewLease, checkStarter } from "./renew.ts";
import { RunEvents } from "./storage/eventStore.ts";
import { type AbortedFor, type Ending, type Run, Runs } from "./storage/runs.ts";
import { migrate } from "./storage/schema.ts";
import type { CancelUpdate, StackContext } from "./context.ts";
import { type StartAnswer, type StartUpdate, startRun } from "./start.ts";
import { endExpired, tend } from "./upkeep.ts";

/**
 * One per stack, and the only one that changes it: the running update with its lease, journal and events, and
 * everything that must not happen beside it (import, deletion). Single-threaded, so there is no race to lose.
 * At rest it holds nothing of value; the record is in D1 and R2.
 */
export class StackCoordinator extends DurableObject<Bindings> {
  readonly #runs: Runs;
  readonly #received: Received;
  readonly #events: RunEvents;
  #tail: Promise<unknown> = Promise.resolve();
  /** While a run's end is worked out no entry may slip in behind the reader's back; arrivals wait for this. */
  readonly #sealed = new Map<string, Promise<unknown>>();

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    migrate(state.storage);
    this.#runs = new Runs(state.storage.sql);
    this.#received = new Received(state.storage.sql, limitsOf(env));
    this.#events = new RunEvents(this.#runs, this.#received);
  }

  /** Starts an update: the stack is its own until the end, and its base is the version pinned now. */
  start(input: StartUpdate): Promise<Outcome<StartAnswer>> {
    return this.#exclusive(async (ctx) => {
      this.#throwAbout(this.#runs.holder(), await this.#endExpired(ctx));
      const known = this.#runs.get(input.updateId);
      if (known) throw conflict("The Update has already started");
      await learnHoldersEnd(ctx);
      const answer = await startRun(ctx, input, this.#runs.holder() !== undefined);
      await this.#setAlarm();
      return answer;
    });
  }

  /** Moves the lease's end, if the run's starter may still have it run. */
  async renew({ updateId, seconds, from }: RenewLease): Promise<Outcome<{ expiresAt: number }>> {
    return this.#answer(async (ctx) => {
      const run = this.#sealed.has(updateId) ? this.#runs.get(updateId) : await this.#settled(updateId);
      if (run && run.phase === "running" && (await checkStarter(ctx, run, from, Date.now()))) await this.#abort(run);
      // Whatever ended it, the lease is over; 403 is what makes the CLI stop (cli-protocol §4.5).
      if (run?.aborted) throw aborted();
      if (!run || run.phase !== "running" || isOver(run, Date.now())) throw leaseOver();
      const before = run.expiresAt;
      run.expiresAt = Date.now() + seconds * 1000;
      this.#runs.save(run);
      // Given back early, or draining. A later end needs nothing: the alarm that comes too soon sets the next one.
      if (run.expiresAt < before || run.drain) await this.#setAlarm();
      return { expiresAt: run.expiresAt };
    });
  }

  /** The client's word that it is done. Answers when the new version can be exported; a repetition is fine. */
  complete(updateId: string, status: "succeeded" | "failed"): Promise<Outcome<undefined>> {
    return this.#exclusive(async (ctx) => {
      const run = this.#runs.get(updateId);
      this.#throwAbout(run, await this.#endExpired(ctx));
      if (!run) throw leaseOver();
      if (run.cancelling) await learnEnd(ctx, run);
      if (run.aborted && status === "succeeded") throw aborted();
      if (run.phase !== "done") await this.#finish(ctx, run, run.ending ?? status, { client: true });
      if (run.journalKept) throw withoutState();
      if (run.ending !== status && !run.aborted) throw ended(run);
      return undefined;
    });
  }

  /**
   * Ends an update from outside. What was acknowledged is kept, pending operations too. An update whose end has failed before ends
   * with the state before it: for that the database is enough.
   */
  cancel(input: CancelUpdate): Promise<Outcome<undefined>> {
    return this.#exclusive(async (ctx) => {
      await this.#endExpired(ctx);
      const run = this.#runs.get(input.updateId);
      if (!run) return cancelLostStart(ctx, input);
      if (run.phase === "done") throw conflict("The Update has already completed");
      await this.#finish(ctx, run, "cancelled", { caller: input });
      return undefined;
    });
  }

  /** The token behind a run has ended, and the run is to end with it: when this answers, nothing more is taken from it. */
  abort(updateId: string, why: AbortedFor): Promise<Outcome<undefined>> {
    // In turn, behind a start that may be under way.
    return this.#exclusive(async () => {
      const run = this.#runs.get(updateId);
      if (run && run.phase === "running") await this.#abort(Object.assign(run, { abortedFor: why }));
      return undefined;
    });
  }

  async #abort(run: Run): Promise<void> {
    this.#runs.save(Object.assign(run, { aborted: true as const }));
    await this.#setAlarm();
  }

  /** Makes an uploaded deployment the stack's next version. */
  commitImport(input: CommitImport): Promise<Outcome<undefined>> {
    return this.#exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return commitImport(ctx, input);
    });
  }

  /** Renames or transfers the stack: from then on the object of its new path is its owner. */
  move(input: MoveStack): Promise<Outcome<undefined>> {
    return this.#exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return moveStack(ctx, input);
    });
  }

  /** Puts the state's secrets under the current master key. */
  reencrypt(input: ReencryptStack) {
    return this.#exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return reencryptStack(ctx, input);
    });
  }

  /** Deletes the stack. By force it first cancels an update that has the stack, whatever becomes of that update's state. */
  remove(input: RemoveStack): Promise<Outcome<undefined>> {
    return this.#exclusive(async (ctx) => {
      if (!input.force) await this.#requireIdle(ctx);
      await this.#endExpired(ctx);
      const run = this.#runs.holder();
      if (run) await this.#finish(ctx, run, "cancelled", { caller: { ...input, updateId: run.updateId }, force: true });
      return removeStack(ctx, input);
    });
  }

  /**
   * A page of a run's engine events; undefined when the run is forgotten: what it had is then in R2. While it runs, an event is
   * given only when all before it are there, unless the reader wants it so.
   */
  readEvents(updateId: string, query: EventQuery, gaps: boolean): Promise<Outcome<EventsAnswer | undefined>> {
    return this.#answer(() => this.#events.page(updateId, query, gaps));
  }

  /** Answers where it runs: for those who ask whether objects can be reached. */
  ping(): true {
    return true;
  }

  /** Ends an update that D1 believes to be running and nobody here knows of. @returns whether it was one */
  async endIfLost(updateId: string, now: number): Promise<boolean> {
    const outcome = await this.#exclusive(async (ctx) => {
      await this.#endExpired(ctx);
      return this.#runs.get(updateId) ? false : sweepLostStart(ctx, updateId, now);
    });
    return outcome.ok && outcome.value;
  }

  /** State writes and events, as streams: `/journal`, `/checkpoint`, `/events` …, with the update's id as the last segment. */
  override async fetch(request: Request): Promise<Response> {
    const [, kind, updateId = ""] = new URL(request.url).pathname.split("/");
    const outcome = await this.#answer(async () => {
      const run = await this.#inTime(updateId, (running) => running);
      const inTime = <T>(work: (running: Run) => T) => this.#inTime(updateId, work);
      return receiveFor(run, kind, request, { runs: this.#runs, received: this.#received, inTime });
    });
    return answerTo(request, outcome);
  }

  /** Does something in one go, at a moment at which the update runs and nobody works out its end. */
  async #inTime<T>(updateId: string, work: (run: Run) => T): Promise<T> {
    const run = await this.#settled(updateId);
    if (run?.aborted) throw aborted();
    if (!run || isOver(run, Date.now())) throw leaseOver();
    if (run.phase !== "running") throw ended(run);
    return work(run);
  }

  /** A run whose end is not being worked out, and whose cancellation is not in doubt. */
  async #settled(updateId: string): Promise<Run | undefined> {
    for (;;) {
      const end = this.#sealed.get(updateId);
      const run = this.#runs.get(updateId);
      if (end) await end.catch(() => undefined);
      else if (run?.phase === "running" && run.cancelling) unwrap(noRoundTrips(), await this.#exclusive((ctx) => learnEnd(ctx, run)));
      else return run;
    }
  }

  /** Nobody may come back: ends what ran out of its lease, resumes what was interrupted, forgets what is old. */
  override async alarm(): Promise<void> {
    const began = Date.now();
    // Before the work, which may end the object: the platform repeats an alarm six times only.
    await this.ctx.storage.setAlarm(began + 60_000);
    const roundTrips = noRoundTrips();
    const updates: Record<string, string> = {};
    for (const run of this.#runs.all()) {
      // Each in a turn of its own: one that fails is tried again and does not stop its neighbours.
      try {
        const outcome = await this.#exclusive((ctx) => tend(ctx, run, this.#finish));
        updates[run.updateId] = unwrap(roundTrips, outcome);
      } catch (error) {
        updates[run.updateId] = "to be tried again";
        logError("an update could not be ended, will be tried again", error, { updateId: run.updateId });
      }
    }
    await this.#setAlarm();
    log("alarm", { updates, ms: Date.now() - began, roundTrips });
  }

  readonly #finish = async (ctx: StackContext, run: Run, ending: Ending, by?: EndedBy): Promise<void> => {
    const work = finishRun(ctx, run, ending, by);
    this.#sealed.set(run.updateId, work);
    try {
      await work;
    } finally {
      this.#sealed.delete(run.updateId);
      await this.#setAlarm();
    }
  };

  async #requireIdle(ctx: StackContext): Promise<void> {
    const failed = await this.#endExpired(ctx);
    await learnHoldersEnd(ctx);
    this.#throwAbout(this.#runs.holder(), failed);
    if (this.#runs.holder()) throw conflict("Another update is currently in progress.");
  }

  readonly #endExpired = (ctx: StackContext) => endExpired(ctx, this.#finish);

  /** @throws what stopped the end of a run, when it is the run that a call is about */
  #throwAbout(run: Run | undefined, failed: Map<string, unknown>): void {
    if (run && failed.has(run.updateId)) throw failed.get(run.updateId);
  }

  /** The next moment at which something is to be done by itself. */
  async #setAlarm(): Promise<void> {
    const next = this.#runs.all().reduce((first, run) => Math.min(first, dueAt(run)), Infinity);
    // What is overdue has just failed: not at once again.
    if (next < Infinity) await this.ctx.storage.setAlarm(Math.max(next, Date.now() + 1000));
    else await this.ctx.storage.deleteAlarm();
  }

  /** One change of the stack at a time: awaiting D1 or R2 would let the next one in. */
  #exclusive<T>(work: (ctx: StackContext) => Promise<T>): Promise<Outcome<T>> {
    const turn = this.#tail.then(() => this.#answer(work));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #answer<T>(work: (ctx: StackContext) => Promise<T>): Promise<Outcome<T>> {
    const roundTrips = noRoundTrips();
    return outcomeOf(roundTrips, () => work(this.#context(counting(this.env, roundTrips))));
  }

  #context(env: Bindings): StackContext {
    return {
      store: openStore(env.DB),
      env,
      runs: this.#runs,
      received: this.#received,
      events: this.#events,
      relaySoon: (...events) => {
        const ids = events.map((event) => event.id);
        const relay = relayEvents(this.env, ids);
        this.ctx.waitUntil(relay.catch((error: unknown) => logError("audit relay failed", error)));
      },
    };
  }
}

import { DurableObject } from "cloudflare:workers";
import type { StackNearby, StackQuestion } from "../context.ts";
import type { Bindings } from "../env.ts";
import { conflict } from "../errors.ts";
import { limitsOf } from "../limits.ts";
import { log, logError } from "../log.ts";
import { noRoundTrips } from "../metrics/roundTrips.ts";
import type { EventQuery, EventsAnswer } from "../engineEvents/eventPage.ts";
import { answerTo, receiveFor } from "./receive/dispatch.ts";
import { type CommitImport, commitImport } from "./commitImport.ts";
import type { EndedBy } from "./commitEnd.ts";
import { finishRun } from "./finish.ts";
import { Known } from "./known.ts";
import { learnEnd, learnHoldersEnd } from "./learnEnd.ts";
import { dueAt, isOver } from "./lifetime.ts";
import { cancelLostStart, sweepLostStart } from "./lostStarts.ts";
import { type Outcome, unwrap } from "./outcome.ts";
import { type MoveStack, moveStack } from "./move.ts";
import { aborted, ended, leaseOver, withoutState } from "./endedErrors.ts";
import { BodyStore } from "./storage/bodyStore.ts";
import { type ReencryptStack, reencryptStack } from "./reencrypt.ts";
import { type RemoveStack, removeStack } from "./remove.ts";
import { type RenewLease, checkStarter } from "./renew.ts";
import { Departure } from "./storage/departure.ts";
import { EventStore } from "./storage/eventStore.ts";
import { type AbortedFor, type Ending, type Run, Runs } from "./storage/runs.ts";
import { Tables } from "./storage/schema.ts";
import type { CancelUpdate, StackContext } from "./context.ts";
import { type StartAnswer, type StartUpdate, startRun } from "./start.ts";
import { Turns } from "./turns.ts";
import { endExpired, tend } from "./upkeep.ts";

/**
 * Each stack has one coordinator, and only the coordinator changes the stack. It has the running update with its lease, journal and
 * events, and it makes the changes that exclude an update (import, deletion). A Durable Object is single-threaded, so changes cannot race.
 * Between updates it stores nothing that is needed later: D1 and R2 have the record.
 */
export class StackCoordinator extends DurableObject<Bindings> {
  readonly #runs: Runs;
  readonly #received: BodyStore;
  readonly #events: EventStore;
  readonly #departure: Departure;
  readonly #known: Known;
  readonly #turns: Turns;
  /** The ends of runs that are under way. No entry may be added while the journal is read, so writes wait for these promises. */
  readonly #sealed = new Map<string, Promise<unknown>>();

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    const tables = new Tables(state.storage);
    this.#runs = new Runs(tables);
    this.#received = new BodyStore(state.storage.sql, limitsOf(env));
    this.#events = new EventStore(this.#runs, this.#received);
    this.#departure = new Departure(tables);
    this.#known = new Known(this.#runs, this.#departure, (updateId) => this.#sealed.has(updateId));
    this.#turns = new Turns(state, env, { runs: this.#runs, received: this.#received, events: this.#events, departure: this.#departure });
  }

  /** Starts an update. It has the stack for itself until it ends, and the current version is pinned as its base. */
  start(input: StartUpdate): Promise<Outcome<StartAnswer>> {
    return this.#turns.exclusive(async (ctx) => {
      this.#throwAbout(this.#runs.holder(), await this.#endExpired(ctx));
      const known = this.#runs.get(input.updateId);
      if (known) throw conflict("The Update has already started");
      await learnHoldersEnd(ctx);
      const { changes } = this.#known;
      this.#known.forget();
      const { answer, stack } = await startRun(ctx, input, this.#runs.holder());
      this.#known.noteStart(input.updateId, input.actor, stack, changes);
      await this.#setAlarm();
      return answer;
    }, input.orgId);
  }

  /** Renews the lease if the caller that started the run still has the right to it. */
  async renew({ updateId, seconds, from }: RenewLease): Promise<Outcome<{ expiresAt: number }>> {
    return this.#turns.answer(async (ctx) => {
      const run = this.#sealed.has(updateId) ? this.#runs.get(updateId) : await this.#settled(updateId);
      if (run && run.phase === "running" && (await checkStarter(ctx, run, from, Date.now(), this.#known.starterOf(updateId))))
        await this.#abort(run);
      // The lease has ended, whatever the cause; a 403 makes the CLI stop (cli-protocol §4.5).
      if (run?.aborted) throw aborted();
      if (!run || run.phase !== "running" || isOver(run, Date.now())) throw leaseOver();
      const before = run.expiresAt;
      run.expiresAt = Date.now() + seconds * 1000;
      this.#runs.save(run);
      // The alarm must come earlier: the lease was shortened, or the run is draining. When the lease ends later, the alarm sets the next
      // one.
      if (run.expiresAt < before || run.drain) await this.#setAlarm();
      return { expiresAt: run.expiresAt };
    });
  }

  /** Completes an update at the request of its client. When this returns, the new version can be exported. The call may be repeated. */
  complete(updateId: string, status: "succeeded" | "failed"): Promise<Outcome<undefined>> {
    return this.#turns.exclusive(async (ctx) => {
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
   * Cancels an update. Acknowledged entries are kept, and so are pending operations. If an earlier attempt to end the update has failed, it
   * ends with the state from before it, which needs the database only.
   */
  cancel(input: CancelUpdate): Promise<Outcome<undefined>> {
    return this.#turns.exclusive(async (ctx) => {
      await this.#endExpired(ctx);
      const run = this.#runs.get(input.updateId);
      if (!run) return cancelLostStart(ctx, input);
      if (run.phase === "done") throw conflict("The Update has already completed");
      await this.#finish(ctx, run, "cancelled", { caller: input });
      return undefined;
    }, input.orgId);
  }

  /** Aborts a run because its token was revoked. When this returns, no further writes of the run are accepted. */
  abort(updateId: string, why: AbortedFor): Promise<Outcome<undefined>> {
    // The abort waits for a start that may be in progress.
    return this.#turns.exclusive(async () => {
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
    return this.#turns.exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return commitImport(ctx, input);
    }, input.orgId);
  }

  /** Renames or transfers the stack: afterwards the object of its new path owns it. */
  move(input: MoveStack): Promise<Outcome<undefined>> {
    return this.#turns.exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return moveStack(ctx, input);
    }, input.orgId);
  }

  /** Re-encrypts the state's secrets with the current master key. */
  reencrypt(input: ReencryptStack) {
    return this.#turns.exclusive(async (ctx) => {
      await this.#requireIdle(ctx);
      return reencryptStack(ctx, input);
    }, input.orgId);
  }

  /** Deletes the stack. With `force` it first cancels the running update, even if the state of that update cannot be stored. */
  remove(input: RemoveStack): Promise<Outcome<undefined>> {
    return this.#turns.exclusive(async (ctx) => {
      if (!input.force) await this.#requireIdle(ctx);
      await this.#endExpired(ctx);
      this.#known.forget();
      const run = this.#runs.holder();
      if (run) await this.#finish(ctx, run, "cancelled", { caller: { ...input, updateId: run.updateId }, force: true });
      return removeStack(ctx, input);
    }, input.orgId);
  }

  /**
   * Returns a page of a run's engine events; undefined when the object has forgotten the run, and its events are in R2.
   * @param gaps return an event of a running update although earlier events have not arrived yet
   */
  readEvents(updateId: string, query: EventQuery, gaps: boolean): Promise<Outcome<EventsAnswer | undefined>> {
    return this.#turns.answer(() => this.#events.page(updateId, query, gaps));
  }

  /** Answers what the object knows about its stack without the database. */
  nearby(question: StackQuestion): StackNearby {
    return this.#known.answer(question);
  }

  /** Notifies the object that the tags or the configuration of the stack have changed. */
  forgetFacts(): void {
    this.#known.noteChange();
  }

  /** Answers a health check: the object can be reached. */
  ping(): true {
    return true;
  }

  /** Ends an update that is running in D1 and unknown to this object. @returns whether it was such an update */
  async endIfLost(updateId: string, now: number, orgId: string): Promise<boolean> {
    const outcome = await this.#turns.exclusive(async (ctx) => {
      await this.#endExpired(ctx);
      return this.#runs.get(updateId) ? false : sweepLostStart(ctx, updateId, now);
    }, orgId);
    return outcome.ok && outcome.value;
  }

  /** Receives state writes and events as streams: `/journal`, `/checkpoint`, `/events` …, with the update's id as the last segment. */
  override async fetch(request: Request): Promise<Response> {
    const [, kind, updateId = ""] = new URL(request.url).pathname.split("/");
    const outcome = await this.#turns.answer(async () => {
      const run = await this.#inTime(updateId, (running) => running);
      const inTime = <T>(work: (running: Run) => T) => this.#inTime(updateId, work);
      return receiveFor(run, kind, request, { runs: this.#runs, received: this.#received, inTime });
    });
    return answerTo(request, outcome);
  }

  /** Runs synchronous work while the update is running and its end is not under way. */
  async #inTime<T>(updateId: string, work: (run: Run) => T): Promise<T> {
    const run = await this.#settled(updateId);
    if (run?.aborted) throw aborted();
    if (!run || isOver(run, Date.now())) throw leaseOver();
    if (run.phase !== "running") throw ended(run);
    return work(run);
  }

  /** Returns the run when its end is not under way and the outcome of its cancellation is known. */
  async #settled(updateId: string): Promise<Run | undefined> {
    for (;;) {
      const end = this.#sealed.get(updateId);
      const run = this.#runs.get(updateId);
      if (end) await end.catch(() => undefined);
      else if (run?.phase === "running" && run.cancelling) unwrap(noRoundTrips(), await this.#turns.exclusive((ctx) => learnEnd(ctx, run)));
      else return run;
    }
  }

  /** Works without a request: ends runs whose lease has expired, resumes interrupted work and forgets old runs. */
  override async alarm(): Promise<void> {
    const began = Date.now();
    // The next alarm is set before the work, which may terminate the object: the platform repeats an alarm six times only.
    await this.ctx.storage.setAlarm(began + 60_000);
    const roundTrips = noRoundTrips();
    const updates: Record<string, string> = {};
    for (const run of this.#runs.all()) {
      // Each run has its own exclusive turn: if its end fails, it is tried again and does not stop the others.
      try {
        const outcome = await this.#turns.exclusive((ctx) => tend(ctx, run, this.#finish));
        updates[run.updateId] = unwrap(roundTrips, outcome);
      } catch (error) {
        updates[run.updateId] = "will be tried again";
        logError("an update could not be ended and will be tried again", error, { updateId: run.updateId });
      }
    }
    await this.#setAlarm();
    log("alarm", { updates, ms: Date.now() - began, roundTrips });
  }

  readonly #finish = async (ctx: StackContext, run: Run, ending: Ending, by?: EndedBy): Promise<void> => {
    const work = finishRun(ctx, run, ending, by);
    this.#sealed.set(run.updateId, work);
    this.#known.forget();
    try {
      await work;
    } finally {
      this.#sealed.delete(run.updateId);
      await this.#setAlarm();
    }
  };

  async #requireIdle(ctx: StackContext): Promise<void> {
    this.#known.forget();
    const failed = await this.#endExpired(ctx);
    await learnHoldersEnd(ctx);
    this.#throwAbout(this.#runs.holder(), failed);
    if (this.#runs.holder()) throw conflict("Another update is currently in progress.");
  }

  readonly #endExpired = (ctx: StackContext) => endExpired(ctx, this.#finish);

  /** @throws the error of an end in `failed`, if that is the end of this run */
  #throwAbout(run: Run | undefined, failed: Map<string, unknown>): void {
    if (run && failed.has(run.updateId)) throw failed.get(run.updateId);
  }

  /** Sets the alarm to the time of the next due work. */
  async #setAlarm(): Promise<void> {
    const next = this.#runs.all().reduce((first, run) => Math.min(first, dueAt(run)), Infinity);
    // Overdue work has just failed, so it waits for at least a second.
    if (next < Infinity) await this.ctx.storage.setAlarm(Math.max(next, Date.now() + 1000));
    else await this.ctx.storage.deleteAlarm();
  }
}

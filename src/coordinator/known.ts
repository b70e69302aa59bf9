import type { Actor, StackFacts, StackNearby, StackQuestion } from "../context.ts";
import { isOver } from "./lifetime.ts";
import type { Departure } from "./storage/departure.ts";
import type { Runs } from "./storage/runs.ts";

/**
 * What the object knows about its stack without the database (docs/decisions/0028). It is in memory only, because it contains hashes of
 * tokens: a restarted object knows nothing.
 */
export class Known {
  readonly #runs: Runs;
  readonly #departure: Departure;
  readonly #isEnding: (updateId: string) => boolean;
  /** Callers that started the runs, by the id of the update. */
  readonly #starters = new Map<string, Actor>();
  /** The stack as the start of a run found it, as long as nothing has changed, and the update that held it then. */
  #facts: { updateId: string; holder: string | undefined; stack: StackFacts } | undefined;
  #changes = 0;

  /** @param isEnding whether the end of an update is under way */
  constructor(runs: Runs, departure: Departure, isEnding: (updateId: string) => boolean) {
    this.#runs = runs;
    this.#departure = departure;
    this.#isEnding = isEnding;
  }

  /** Number of changes of tags and configuration of which the object was notified. A start compares it before and after its batch. */
  get changes(): number {
    return this.#changes;
  }

  starterOf(updateId: string): Actor | undefined {
    return this.#starters.get(updateId);
  }

  /**
   * Notes who has started a run, and the stack as the batch of the start found it.
   * @param changes the value of `changes` before that batch; if it is different now, the stack is not noted
   */
  noteStart(updateId: string, actor: Actor, stack: StackFacts | undefined, changes: number): void {
    for (const id of this.#starters.keys()) if (this.#runs.get(id)?.phase !== "running") this.#starters.delete(id);
    this.#starters.set(updateId, actor);
    if (stack && changes === this.#changes) this.#facts = { updateId, holder: this.#runs.holder()?.updateId, stack };
  }

  /** Forgets the stack, which is about to change. */
  forget(): void {
    this.#facts = undefined;
  }

  noteChange(): void {
    this.#changes++;
    this.forget();
  }

  /**
   * Answers the caller of a run, who is recognized by the hash of the presented value and not by a cached identity. This caller may read what
   * the guard of the start let it read, and may encrypt while its update may write.
   */
  answer({ tokenHash, stackId }: StackQuestion): StackNearby {
    const now = Date.now();
    const own = [...this.#starters].flatMap(([updateId, { token }]) => (token.hash === tokenHash ? [updateId] : []));
    const running = own.flatMap((updateId) => {
      const run = this.#runs.get(updateId);
      const isLive = run?.phase === "running" && !run.cancelling && !run.moved && !this.#isEnding(updateId) && !isOver(run, now);
      return isLive ? [run] : [];
    });
    const isHere = stackId !== undefined && !this.#departure.isRecent(now);
    const id = running.find(({ dryRun }) => !dryRun)?.stackId ?? (isHere ? stackId : undefined);
    const { updateId: reader, holder, stack } = this.#facts ?? {};
    const isSame = stack && holder === this.#runs.holder()?.updateId && running.some(({ updateId }) => updateId === reader);
    return { ...(id !== undefined && { stackId: id }), ...(isSame && { stack }) };
  }
}

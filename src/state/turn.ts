/** Work between two pauses, in bytes. */
export const TURN = 1024 * 1024;
/** What looking at one entry or one resource counts for, its text not read. */
export const LOOK = 256;

/** In a long loop: pauses now and then, so that other requests of the isolate have their turn. */
export class Turn {
  #spent = 0;

  /** A promise only when it is time: `const wait = turn.spend(work); if (wait) await wait;` */
  spend(bytes: number): Promise<void> | undefined {
    this.#spent += bytes;
    if (this.#spent < TURN) return undefined;
    this.#spent = 0;
    return scheduler.wait(0);
  }
}

/** Cost of visiting one entry or one resource without reading its text, in bytes. */
export const VISIT_COST = 256;

/** Pauses a long loop at intervals, so that other requests of the isolate can run. */
export class Yielder {
  readonly #length: number;
  #spent = 0;

  /** @param length work between two pauses, in bytes that are read; 4 MiB take about 20 ms */
  constructor(length = 4 * 1024 * 1024) {
    this.#length = length;
  }

  /** Returns a promise only when a pause is due: `const wait = yielder.spend(work); if (wait) await wait;` */
  spend(bytes: number): Promise<void> | undefined {
    this.#spent += bytes;
    if (this.#spent < this.#length) return undefined;
    this.#spent = 0;
    return scheduler.wait(0);
  }
}

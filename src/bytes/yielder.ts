/** Cost charged for visiting one entry without reading its text, in bytes. */
export const VISIT_COST = 256;

/** In a long loop: pauses now and then, so that other requests of the isolate have their turn. */
export class Yielder {
  readonly #length: number;
  #spent = 0;

  /** @param length work between two pauses, in bytes that are read; 4 MiB take some 20 ms */
  constructor(length = 4 * 1024 * 1024) {
    this.#length = length;
  }

  /** A promise only when it is time: `const wait = yielder.spend(work); if (wait) await wait;` */
  spend(bytes: number): Promise<void> | undefined {
    this.#spent += bytes;
    if (this.#spent < this.#length) return undefined;
    this.#spent = 0;
    return scheduler.wait(0);
  }
}

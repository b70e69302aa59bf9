const BITS = 14;
const MASK = (1 << BITS) - 1;

/**
 * A long list of numbers in chunks. A single growing array would be copied many times, and the copies would be garbage. Small integers take
 * 4 bytes each; if a chunk contains a larger one, all numbers of the chunk take 8 bytes.
 */
export class IntList {
  readonly #chunks: number[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(...values: number[]): void {
    for (const value of values) (this.#chunks[this.#length++ >> BITS] ??= []).push(value);
  }

  at(index: number): number {
    return this.#chunks[index >> BITS]![index & MASK]!;
  }

  set(index: number, value: number): void {
    this.#chunks[index >> BITS]![index & MASK] = value;
  }
}

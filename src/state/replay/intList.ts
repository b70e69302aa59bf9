const BITS = 14;
const MASK = (1 << BITS) - 1;

/**
 * A long list of numbers, in chunks: an array that grows is copied again and again, and its former selves are garbage for a while. Small integers take 4
 * bytes each; should one in a chunk be larger, V8 makes it 8 for all of them.
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

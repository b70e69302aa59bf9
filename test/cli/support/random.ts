/** Random choices that can be repeated: the same seed gives the same choices. The timing of the machine does not depend on the seed. */
export class Random {
  #state: number;

  constructor(seed: number, ...more: number[]) {
    this.#state = [seed, ...more].reduce((sum, value) => Math.imul(sum ^ (value + 0x9e3779b9), 0x85ebca6b) ^ (sum >>> 13), 0x5eed);
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of the keys, with a probability by its weight. */
  pick<K extends string>(weights: Record<K, number>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) if ((left -= weight) < 0) return key;
    return entries.at(-1)![0];
  }
}

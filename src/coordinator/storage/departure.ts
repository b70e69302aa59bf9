import type { Tables } from "./schema.ts";

/**
 * For how long, after a stack has left the object's path, the object confirms no stack at that path. A Worker that asks has read the id
 * from the database at most 10 seconds ago (`ADMITTED_FOR`); the rest is a margin for a batch that the database commits late. Each side
 * measures a duration with its own clock, so their clocks may differ. Milliseconds.
 */
export const DEPARTED = 300_000;

/** When a stack last began to leave the object's path, by a deletion or a move. It is stored, so that a restarted object knows it too. */
export class Departure {
  readonly #tables: Tables;
  #at: number | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#at = tables.read<{ at: number | null }>("SELECT max(at) AS at FROM departure")[0]?.at ?? undefined;
  }

  /** Call it before the batch that lets the stack leave: the platform sends nothing before this is stored durably. */
  note(now: number): void {
    this.#tables.write("DELETE FROM departure");
    this.#tables.write("INSERT INTO departure VALUES (?)", now);
    this.#at = now;
  }

  isRecent(now: number): boolean {
    return this.#at !== undefined && Math.abs(now - this.#at) < DEPARTED;
  }
}

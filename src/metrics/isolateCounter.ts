import type { BatchItem } from "drizzle-orm/batch";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";

/** Delay of the write, in milliseconds. Work may run for up to 30 seconds after an answer. */
const FLUSH_AFTER = 20_000;
/** Maximum number of keys in memory. If the database fails for long, further keys are not counted. */
const MOST_KEYS = 10_000;
/** After this many failures without a success the database is treated as unavailable. */
const MOST_FAILURES = 3;

type Statement = BatchItem<"sqlite">;
/** The parts of a request's context that a counter needs. */
interface Context {
  now: number;
  store: Pick<Store, "place">;
  background: (name: string, work: (env: Bindings) => Promise<unknown>) => void;
}

interface Count<V> {
  key: string;
  value: V;
  /** Whether a flush has failed to write this count and has written others. Such a count is dropped if that happens again. */
  isSuspect: boolean;
}

interface Counter<V> {
  /** Combines two values that were counted under the same key, in their order. */
  merge: (one: V, other: V) => V;
  /** The statements that write the count of one key. */
  statements: (store: Store, key: string, value: V) => Statement[];
  /** Called after the count of a key was written. @param results the rows that each of its statements returned */
  written?: (value: V, results: unknown[]) => void;
}

export interface IsolateCounter<V> {
  /** Counts a value. All counts are written within 20 seconds. */
  count: (ctx: Context, key: string, value: V) => void;
  /**
   * Writes the counts of all keys of the store's place, or of those that `only` selects. Counts that could not be written are kept.
   * @throws the database's error
   */
  flush: (store: Store, only?: (key: string) => boolean) => Promise<void>;
}

/**
 * Counts in this isolate and writes the counts at most every 20 seconds, so that many requests do not cause many writes. A count that could
 * not be written is kept and written later. The counts of a terminated isolate are lost. Each place has its own counts.
 */
export function isolateCounter<V>(name: string, counter: Counter<V>): IsolateCounter<V> {
  const places = new Map<number, IsolateCounter<V>>();
  const of = ({ place }: Pick<Store, "place">) => {
    if (!places.has(place)) places.set(place, counterOf(name, counter));
    return places.get(place)!;
  };
  return { count: (ctx, key, value) => of(ctx.store).count(ctx, key, value), flush: (store, only) => of(store).flush(store, only) };
}

/** The counter of one place. */
function counterOf<V>(name: string, { merge, statements, written }: Counter<V>): IsolateCounter<V> {
  const pending = new Map<string, Count<V>>();
  let scheduledAt = 0;

  function count(ctx: Context, key: string, value: V): void {
    const known = pending.get(key);
    if (known) known.value = merge(known.value, value);
    else if (pending.size < MOST_KEYS) pending.set(key, { key, value, isSuspect: false });
    // The platform may terminate the scheduled work without notice, so it is scheduled again after twice the delay.
    if (Math.abs(ctx.now - scheduledAt) < 2 * FLUSH_AFTER) return;
    scheduledAt = ctx.now;
    ctx.background(name, async (env) => {
      await scheduler.wait(FLUSH_AFTER);
      scheduledAt = 0;
      await flush(openStore(env));
    });
  }

  async function flush(store: Store, only: (key: string) => boolean = () => true): Promise<void> {
    const taken = [...pending.values()].filter(({ key }) => only(key));
    if (taken.length === 0) return;
    for (const { key } of taken) pending.delete(key);
    try {
      await write(store, taken);
    } catch (error) {
      if (taken.length === 1) taken.forEach(keep);
      else await writeOneByOne(store, taken);
      throw error;
    }
  }

  const write = async (store: Store, counts: Count<V>[]) => {
    const parts = counts.map(({ key, value }) => ({ value, part: statements(store, key, value) }));
    const [first, ...others] = parts.flatMap(({ part }) => part);
    const results: unknown[] = first ? await batch(store, [first, ...others]) : [];
    for (const { value, part } of parts) written?.(value, results.splice(0, part.length));
  };

  /** Writes each count by itself, because one failing statement makes its whole batch fail. */
  async function writeOneByOne(store: Store, counts: Count<V>[]): Promise<void> {
    const failed: Count<V>[] = [];
    let successes = 0;
    for (const one of counts) {
      // The remaining counts are kept and come first in the next flush.
      if (successes === 0 && failed.length >= MOST_FAILURES) keep(one);
      else
        await write(store, [one]).then(
          () => successes++,
          () => failed.push(one),
        );
    }
    for (const one of failed) {
      if (successes === 0) keep(one);
      else if (!one.isSuspect) keep({ ...one, isSuspect: true });
      else logError(`${name}: a count was dropped`, new Error("it cannot be written, although others can"));
    }
  }

  function keep(one: Count<V>): void {
    const later = pending.get(one.key);
    pending.set(one.key, later ? { ...one, value: merge(one.value, later.value) } : one);
  }

  return { count, flush };
}

import type { BatchItem } from "drizzle-orm/batch";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";

/** Well within the 30 seconds that work may outlive an answer. Milliseconds. */
const FLUSH_AFTER = 20_000;
/** Keys that are counted at once. While the database is away, no more are. */
const MOST_KEYS = 10_000;
/** So many failures and nothing written: the database is taken to be away. */
const MOST_FAILURES = 3;

type Statement = BatchItem<"sqlite">;
/** Of a request: its time, and where work goes that outlives the answer. */
interface Context {
  now: number;
  background: (name: string, work: (env: Bindings) => Promise<unknown>) => void;
}

interface Count<V> {
  key: string;
  value: V;
  /** It could not be written when others could. */
  isSuspect: boolean;
}

interface Counter<V> {
  /** What is counted under a key of a name, of which one is counted and another later. */
  merge: (one: V, other: V) => V;
  /** Write the count of one key. */
  statements: (store: Store, key: string, value: V) => Statement[];
  /** Called when the count of a key was written. */
  written?: (value: V) => void;
}

export interface IsolateCounter<V> {
  /** Counts, and has everything written within 20 seconds. */
  count: (ctx: Context, key: string, value: V) => void;
  /** Writes the counts of these keys, of all keys unless said. What could not be written is kept. @throws what the database said */
  flush: (store: Store, only?: (key: string) => boolean) => Promise<void>;
}

/**
 * Counts in this isolate and writes the counts at most every 20 seconds, so that a flood of requests is no flood of writes. A count that
 * could not be written is kept and written later. Counts of an isolate that is killed are lost.
 */
export function isolateCounter<V>(name: string, { merge, statements, written }: Counter<V>): IsolateCounter<V> {
  const pending = new Map<string, Count<V>>();
  let scheduledAt = 0;

  function count(ctx: Context, key: string, value: V): void {
    const known = pending.get(key);
    if (known) known.value = merge(known.value, value);
    else if (pending.size < MOST_KEYS) pending.set(key, { key, value, isSuspect: false });
    // Work that was cut off does not report it: after twice the time another takes its place.
    if (Math.abs(ctx.now - scheduledAt) < 2 * FLUSH_AFTER) return;
    scheduledAt = ctx.now;
    ctx.background(name, async (env) => {
      await scheduler.wait(FLUSH_AFTER);
      scheduledAt = 0;
      await flush(openStore(env.DB));
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
    const [first, ...others] = counts.flatMap(({ key, value }) => statements(store, key, value));
    if (first) await batch(store, [first, ...others]);
    for (const { value } of counts) written?.(value);
  };

  /** One statement fails its whole batch: the counts of the other keys must not be lost with it. */
  async function writeOneByOne(store: Store, counts: Count<V>[]): Promise<void> {
    const failed: Count<V>[] = [];
    let successes = 0;
    for (const one of counts) {
      // Counts that were not tried are the first of the next flush.
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
      else logError(`${name}: a count was dropped`, new Error("it cannot be written, and others can"));
    }
  }

  function keep(one: Count<V>): void {
    const later = pending.get(one.key);
    pending.set(one.key, later ? { ...one, value: merge(one.value, later.value) } : one);
  }

  return { count, flush };
}

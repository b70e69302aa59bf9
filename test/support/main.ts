/**
 * The Worker that runs in these tests. It keeps three things of a test out of the database, the log and the spies of later tests: work
 * after an answer, work that sleeps, and messages of queues. The simulator keeps messages when the bindings are emptied, retries them
 * seconds later, and finally makes them dead letters.
 */
import { vi } from "vitest";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";

export * from "../../src/index.ts";

/** Maximum number of turns of the event loop that a test waits for work of earlier tests. Some of that work never ends. */
const MOST_TURNS = 200;

const running = new Set<object>();
/** Number of the test. */
let test = 0;
/** When the test began, in milliseconds since 1970. An older message belongs to an earlier test. */
let began = 0;

function note(work: Promise<unknown>): void {
  const itself = {};
  const end = () => void running.delete(itself);
  running.add(itself);
  work.then(end, end);
}

const wait = scheduler.wait.bind(scheduler);
// For example, the counters of an isolate are written after 20 seconds.
scheduler.wait = async (ms, options) => {
  const mine = test;
  await wait(ms, options);
  if (mine !== test) await new Promise(() => undefined);
};

export default {
  ...worker,
  fetch: (request, env, ctx) => {
    const waitUntil = ctx.waitUntil.bind(ctx);
    ctx.waitUntil = (work) => {
      note(work);
      waitUntil(work);
    };
    return worker.fetch(request, env, ctx);
  },
  queue: async (batch, env) => {
    const messages = batch.messages.filter(({ timestamp }) => timestamp.getTime() >= began);
    if (messages.length === 0) return;
    const { queue, metadata } = batch;
    const work = worker.queue({ queue, messages, metadata, ackAll: () => batch.ackAll(), retryAll: () => batch.retryAll() }, env);
    note(work);
    await work;
  },
} satisfies ExportedHandler<Bindings>;

/** Ends what earlier tests have left: waits for their work, and drops their messages. */
export async function endEarlierTests(): Promise<void> {
  test++;
  began = Infinity;
  for (let turns = 0; running.size > 0 && turns < MOST_TURNS; turns++) await wait(1);
  running.clear();
}

/** From now on messages belong to the next test. */
export function beginTest(): void {
  began = vi.getRealSystemTime();
}

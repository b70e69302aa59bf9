import { app } from "./app/app.ts";
import { chainOlderRows } from "./audit/append.ts";
import { archiveOldRecords } from "./audit/archive.ts";
import { signCheckpoints } from "./audit/checkpoint.ts";
import { consumeAudit, keepDeadLetters } from "./audit/consume.ts";
import { relayLeftovers } from "./audit/relay.ts";
import { replayDeadLetters } from "./audit/replay.ts";
import { openStore } from "./db/client.ts";
import { disableUnusedTokens } from "./tokens/unused.ts";
import type { Bindings } from "./env.ts";
import { abortUpdates } from "./updates/abort.ts";
import { sweep } from "./updates/sweep.ts";

export { StackCoordinator } from "./updates/coordinator.ts";

export default {
  fetch: app.fetch,
  async queue(messages, env) {
    if (messages.queue === "stackpass-audit") await consumeAudit(messages, env);
    else await keepDeadLetters(messages, env);
  },
  async scheduled(controller, env) {
    const now = controller.scheduledTime;
    // Each for itself: one that fails does not stop the others, and its turn comes again in a minute.
    const work: Record<string, () => Promise<unknown>> = {
      "audit relay": () => relayLeftovers(env, now),
      "dead letters": () => replayDeadLetters(env),
      "audit chain": () => chainOlderRows(env),
      "audit checkpoints": () => signCheckpoints(env, now),
      "audit archive": () => archiveOldRecords(env, now),
      sweep: () => sweep(env, now),
      // Once an hour is enough for what is counted in days.
      "unused tokens": async () =>
        new Date(now).getUTCMinutes() === 0 &&
        disableUnusedTokens(env, now, (ended) => abortUpdates({ env, store: openStore(env.DB) }, ended)),
    };
    for (const [name, run] of Object.entries(work))
      await run().catch((error: unknown) => console.error({ message: `${name} failed`, error: String(error) }));
  },
} satisfies ExportedHandler<Bindings>;

import { app } from "./app/app.ts";
import { chainOlderRows } from "./audit/append.ts";
import { consumeAudit, keepDeadLetters } from "./audit/consume.ts";
import { relayLeftovers } from "./audit/relay.ts";
import { replayDeadLetters } from "./audit/replay.ts";
import type { Bindings } from "./env.ts";

export { StackCoordinator } from "./updates/coordinator.ts";

export default {
  fetch: app.fetch,
  async queue(messages, env) {
    if (messages.queue === "stackpass-audit") await consumeAudit(messages, env);
    else await keepDeadLetters(messages, env);
  },
  async scheduled(controller, env) {
    await relayLeftovers(env, controller.scheduledTime);
    await replayDeadLetters(env);
    await chainOlderRows(env);
  },
} satisfies ExportedHandler<Bindings>;

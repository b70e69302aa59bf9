import { app } from "./app/app.ts";
import { consume } from "./app/consume.ts";
import type { Bindings } from "./env.ts";
import { loaded } from "./loaded.ts";
import { logSettingFaults } from "./settings.ts";

export { AuditSender } from "./streams/sender.ts";
export { StackCoordinator } from "./coordinator/coordinator.ts";
export { WebhookDispatcher } from "./webhooks/dispatcher.ts";
export { WebhookSender } from "./webhooks/sender.ts";

const cron = loaded(() => import("./app/cron.ts"));

export default {
  fetch: (request, env, ctx) => {
    logSettingFaults(env);
    return app.fetch(request, env, ctx);
  },
  queue: (batch, env) => consume(batch, env),
  // The cron runs each minute, so a wrong setting is logged soon after a deploy, even without requests.
  scheduled: async (controller, env) => {
    logSettingFaults(env);
    await (await cron()).runCron(env, controller.scheduledTime);
  },
} satisfies ExportedHandler<Bindings>;

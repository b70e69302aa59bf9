import { app } from "./app/app.ts";
import { consume } from "./app/consume.ts";
import { runCron } from "./app/cron.ts";
import type { Bindings } from "./env.ts";
import { logSettingFaults } from "./settings.ts";

export { StackCoordinator } from "./coordinator/coordinator.ts";

export default {
  fetch: (request, env, ctx) => {
    logSettingFaults(env);
    return app.fetch(request, env, ctx);
  },
  queue: (batch, env) => consume(batch, env),
  // Each minute, so a wrong setting is in the log soon after a deploy, whether anybody calls or not.
  scheduled: (controller, env) => {
    logSettingFaults(env);
    return runCron(env, controller.scheduledTime);
  },
} satisfies ExportedHandler<Bindings>;

import { app } from "./app/app.ts";
import { consume } from "./app/consume.ts";
import { runCron } from "./app/cron.ts";
import type { Bindings } from "./env.ts";

export { StackCoordinator } from "./updates/coordinator.ts";

export default {
  fetch: app.fetch,
  queue: (batch, env) => consume(batch, env),
  scheduled: (controller, env) => runCron(env, controller.scheduledTime),
} satisfies ExportedHandler<Bindings>;

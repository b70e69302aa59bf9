import type { OrgContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";

/** The object that sends the messages of a webhook. */
export const senderOf = (env: Bindings, id: string) => env.WEBHOOKS.get(env.WEBHOOKS.idFromName(id));

/** Makes a change take effect at once. The object learns it from D1 before each attempt anyway, so a failure is only logged. */
export function noteChange(ctx: OrgContext, id: string): void {
  ctx.background("webhook", async (env) => {
    try {
      await senderOf(env, id).changed(id);
    } catch (error) {
      logError("webhook not reached", error, { id });
    }
  });
}

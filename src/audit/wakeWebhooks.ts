import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";

/** Longest time that a writer of the log waits for webhooks, milliseconds. */
const PATIENCE = 2000;

/**
 * Notifies the webhooks of organizations of new records, and does not wait until they have sent messages. The cron wakes an organization
 * that could not be reached.
 */
export async function wakeWebhooks(env: Bindings, orgIds: string[]): Promise<void> {
  if (orgIds.length === 0) return;
  const calls = orgIds.map(async (orgId) => {
    try {
      await env.WEBHOOK_DISPATCH.get(env.WEBHOOK_DISPATCH.idFromName(orgId)).wake(orgId);
    } catch (error) {
      logError("webhooks not reached, the cron will wake them", error, { orgId });
    }
  });
  await Promise.race([Promise.all(calls), scheduler.wait(PATIENCE)]);
}

import { and, eq, isNotNull, lt, or, sql } from "drizzle-orm";
import { auditHeads } from "../audit/table.ts";
import { wakeWebhooks } from "../audit/wakeWebhooks.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { lastDue } from "./digest.ts";
import { senderOf } from "./reach.ts";
import { type WebhookDigest, webhookCursors, webhooks } from "./table.ts";

/** Maximum number of organizations that one run of the cron wakes, those that lag most first. */
const PER_RUN = 500;

/** The cron wakes a webhook whose digest is this late. Its object has an alarm, so this is rarely needed. Milliseconds. */
const LATE = 5 * 60_000;
/** Maximum number of webhooks with a late digest that one run of the cron wakes. */
const LATE_PER_RUN = 100;

/** Wakes webhooks whose digest is late, because their object was not notified of them. @returns how many */
export async function wakeDigests(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const { id, active, digest, digestAt } = webhooks;
  const due = (every: WebhookDigest) => and(eq(digest, every), lt(digestAt, lastDue(every, now - LATE)));
  const [rows] = await batch(store, [
    store.db
      .select({ id })
      .from(webhooks)
      .where(and(isNotNull(digest), eq(active, true), or(due("daily"), due("weekly"))))
      .orderBy(digestAt)
      .limit(LATE_PER_RUN),
  ]);
  await Promise.all(
    rows.map(async (row) => {
      try {
        await senderOf(env, row.id).wake(row.id);
      } catch (error) {
        logError("a webhook with a late digest was not reached, the cron will try again", error, { webhookId: row.id });
      }
    }),
  );
  return rows.length;
}

/** Wakes the organizations whose log has records that were not examined for their webhooks. This is needed after a wake-up was lost. @returns how many */
export async function wakeLaggingWebhooks(env: Bindings): Promise<number> {
  const store = openStore(env);
  const [rows] = await batch(store, [
    store.db
      .select({ orgId: webhookCursors.orgId })
      .from(webhookCursors)
      .innerJoin(auditHeads, eq(auditHeads.orgId, webhookCursors.orgId))
      .where(sql`${auditHeads.seq} > ${webhookCursors.seq}`)
      .orderBy(sql`${auditHeads.seq} - ${webhookCursors.seq} DESC`)
      .limit(PER_RUN),
  ]);
  await wakeWebhooks(
    env,
    rows.map(({ orgId }) => orgId),
  );
  return rows.length;
}

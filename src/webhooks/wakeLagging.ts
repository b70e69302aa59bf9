import { eq, sql } from "drizzle-orm";
import { auditHeads } from "../audit/table.ts";
import { wakeWebhooks } from "../audit/wakeWebhooks.ts";
import { batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { webhookCursors } from "./table.ts";

/** Maximum number of organizations that one run of the cron wakes, those that lag most first. */
const PER_RUN = 500;

/** Wakes the organizations whose log has records that were not examined for their webhooks. This is needed after a wake-up was lost. @returns how many */
export async function wakeLaggingWebhooks(env: Bindings): Promise<number> {
  const store = openStore(env.DB);
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

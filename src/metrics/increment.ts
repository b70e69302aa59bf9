import { type SQL, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { metrics } from "./table.ts";

/**
 * `refusals` by reason, `updates_cut_short` and `journals_kept` by cause, `orphans_deleted`: counts. `cron` by task: when it last went
 * well, milliseconds.
 */
export type Metric = "refusals" | "updates_cut_short" | "journals_kept" | "orphans_deleted" | "cron";

/** Adds to a counter in the batch of what is counted, so that both stand or fall together. @param condition where it holds inside of it */
export const increment = (store: Store, name: Metric, label: string, by: number, condition: SQL = sql`true`) =>
  store.db
    .insert(metrics)
    .select(sql`SELECT ${name}, ${label}, ${by} WHERE ${condition}`)
    .onConflictDoUpdate({ target: [metrics.name, metrics.label], set: { value: sql`${metrics.value} + excluded.value` } });

/** Puts a moment in the place of the one before. */
export const setTimestamp = (store: Store, name: Metric, label: string, value: number) =>
  store.db
    .insert(metrics)
    .values({ name, label, value })
    .onConflictDoUpdate({ target: [metrics.name, metrics.label], set: { value } });

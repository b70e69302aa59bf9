import { type SQL, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { metrics } from "./table.ts";

/**
 * Names of metrics. Counters: `refusals` by reason, `updates_cut_short` and `journals_kept` by cause, `orphans_deleted`. Times: `cron` by
 * task, the last success in milliseconds.
 */
export type Metric = "refusals" | "updates_cut_short" | "journals_kept" | "orphans_deleted" | "cron";

/** A statement that adds to a counter, for the batch of the counted change. @param condition adds only if this holds */
export const increment = (store: Store, name: Metric, label: string, by: number, condition: SQL = sql`true`) =>
  store.db
    .insert(metrics)
    .select(sql`SELECT ${name}, ${label}, ${by} WHERE ${condition}`)
    .onConflictDoUpdate({ target: [metrics.name, metrics.label], set: { value: sql`${metrics.value} + excluded.value` } });

/** A statement that replaces the stored time. */
export const setTimestamp = (store: Store, name: Metric, label: string, value: number) =>
  store.db
    .insert(metrics)
    .values({ name, label, value })
    .onConflictDoUpdate({ target: [metrics.name, metrics.label], set: { value } });

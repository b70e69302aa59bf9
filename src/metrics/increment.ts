import { type SQL, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { measures } from "./table.ts";

/**
 * `refusals` by reason, `updates_cut_short` and `journals_kept` by cause, `orphans_deleted`: counts. `cron` by task: when it last went
 * well, milliseconds.
 */
export type Measure = "refusals" | "updates_cut_short" | "journals_kept" | "orphans_deleted" | "cron";

/** Adds to a counter in the batch of what is counted, so that both stand or fall together. @param condition where it holds inside of it */
export const addTo = (store: Store, name: Measure, label: string, by: number, condition: SQL = sql`true`) =>
  store.db
    .insert(measures)
    .select(sql`SELECT ${name}, ${label}, ${by} WHERE ${condition}`)
    .onConflictDoUpdate({ target: [measures.name, measures.label], set: { value: sql`${measures.value} + excluded.value` } });

/** Puts a moment in the place of the one before. */
export const note = (store: Store, name: Measure, label: string, value: number) =>
  store.db
    .insert(measures)
    .values({ name, label, value })
    .onConflictDoUpdate({ target: [measures.name, measures.label], set: { value } });

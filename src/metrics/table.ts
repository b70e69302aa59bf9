import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Metrics for the operator that no other table contains: counters that only grow, and times. It has a few dozen rows. */
export const metrics = sqliteTable(
  "measures",
  {
    name: text("name").notNull(),
    /** One of a few words; "" for a metric without labels. */
    label: text("label").notNull(),
    value: integer("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.name, t.label] })],
);

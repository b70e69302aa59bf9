import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** What an operator wants to know and no other table says: counters that only grow, and moments. A few dozen rows. */
export const metrics = sqliteTable(
  "measures",
  {
    name: text("name").notNull(),
    /** One of few words; "" where there is only one of its name. */
    label: text("label").notNull(),
    value: integer("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.name, t.label] })],
);

import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Values that were shown, each by the id that is sealed with it. A row is deleted when its seal is too old to be opened. */
export const shownValues = sqliteTable("shown_values", {
  id: text("id").primaryKey(),
  /** When the seal ends, milliseconds. */
  endsAt: integer("ends_at").notNull(),
});

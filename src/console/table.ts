import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Values that were already shown, by the id that is sealed with them. A row is deleted when its seal has expired. */
export const shownValues = sqliteTable("shown_values", {
  id: text("id").primaryKey(),
  /** Expiry of the seal, milliseconds. */
  endsAt: integer("ends_at").notNull(),
});

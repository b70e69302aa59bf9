import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/** People. A machine has no row here: its token belongs to an organization. */
export const users = sqliteTable(
  "users",
  {
    id: text("id").primaryKey(),
    login: text("login").notNull(),
    name: text("name").notNull(),
    email: text("email").notNull().default(""),
    createdAt: integer("created_at").notNull(),
    /** The organization of stack names without an organization; null: the oldest membership. */
    defaultOrgId: text("default_org_id"),
  },
  (t) => [uniqueIndex("users_login").on(sql`lower(${t.login})`), index("users_email").on(sql`lower(${t.email})`)],
);

import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";

export const tokenKinds = ["personal", "organization", "team"] as const;
export type TokenKind = (typeof tokenKinds)[number];

/**
 * Access tokens of every kind. A personal token has a user, a machine token an organization; never both.
 * Rows outlive deletion: the name stays taken, and the audit log can always say which token it was.
 * Times are milliseconds since 1970.
 */
export const accessTokens = sqliteTable(
  "access_tokens",
  {
    id: text("id").primaryKey(),
    kind: text("kind", { enum: tokenKinds }).notNull(),
    orgId: text("org_id").references(() => organizations.id),
    userId: text("user_id").references(() => users.id),
    team: text("team"),
    name: text("name").notNull(),
    description: text("description").notNull(),
    /** HMAC-SHA-256 of the value under a pepper, hex. Never leaves the store. */
    hash: text("hash").notNull(),
    admin: integer("admin", { mode: "boolean" }).notNull(),
    createdAt: integer("created_at").notNull(),
    /** Login of the person who created it; kept when that person leaves. */
    createdBy: text("created_by").notNull(),
    expiresAt: integer("expires_at"),
    lastUsedAt: integer("last_used_at"),
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    uniqueIndex("access_tokens_hash").on(t.hash),
    uniqueIndex("access_tokens_name")
      .on(t.orgId, sql`lower(${t.name})`)
      .where(sql`${t.orgId} IS NOT NULL`),
    index("access_tokens_org").on(t.orgId, t.createdAt, t.id),
    index("access_tokens_user").on(t.userId, t.createdAt, t.id),
  ],
);

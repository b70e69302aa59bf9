import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";

/** All stacks. The id never changes: keys and history belong to the id and not to the name. */
export const stacks = sqliteTable(
  "stacks",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    project: text("project").notNull(),
    name: text("name").notNull(),
    /** Number of the latest state-changing update; 0 for a new stack. */
    version: integer("version").notNull().default(0),
    /** R2 key of the current deployment; null before the first. */
    stateKey: text("state_key"),
    resourceCount: integer("resource_count"),
    /** True while the state has no resource except the root stack. Such a stack may be deleted without force. */
    rootOnly: integer("root_only", { mode: "boolean" }).notNull().default(true),
    /** True if no resource of the state has aliases. The next replay then reads the state once instead of twice. */
    aliasFree: integer("alias_free", { mode: "boolean" }).notNull().default(false),
    /** Id of the latest update, running or finished; "" before the first (cli-protocol §4.11). */
    activeUpdate: text("active_update").notNull().default(""),
    /** Id of the update that holds the stack, or null. The Durable Object is authoritative; this copy is for lists. */
    runningUpdate: text("running_update"),
    lastUpdateAt: integer("last_update_at"),
    /** `StackConfig` as JSON for a stack that got one before environments were refused; else null. */
    config: text("config"),
    /** Login of the user, or name of the organization for a machine's token. */
    createdBy: text("created_by").notNull().default(""),
    createdAt: integer("created_at").notNull(),
    /** A deleted stack keeps its row and history; its name is free again. */
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    uniqueIndex("stacks_path")
      .on(t.orgId, sql`lower(${t.project})`, sql`lower(${t.name})`)
      .where(sql`${t.deletedAt} IS NULL`),
    index("stacks_list")
      .on(t.orgId, t.project, t.name)
      .where(sql`${t.deletedAt} IS NULL`),
    /** Running updates first, then by the latest update, then by name. */
    index("stacks_recent")
      .on(t.orgId, sql`${t.runningUpdate} IS NULL`, sql`${t.lastUpdateAt} DESC`, t.project, t.name)
      .where(sql`${t.deletedAt} IS NULL`),
  ],
);

export const stackTags = sqliteTable(
  "stack_tags",
  {
    stackId: text("stack_id").notNull(),
    name: text("name").notNull(),
    value: text("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.stackId, t.name] }), index("stack_tags_value").on(t.name, t.value)],
);

/** The stacks that a stack's state refers to, by the name in the reference. Such a stack need not exist. */
export const stackReferences = sqliteTable(
  "stack_references",
  {
    /** The stack that refers. */
    stackId: text("stack_id").notNull(),
    orgName: text("org_name").notNull(),
    project: text("project").notNull(),
    name: text("name").notNull(),
    /** Version of that stack when the state was written; 0 if it did not exist; null in rows that are older than this column. */
    version: integer("version"),
  },
  (t) => [
    primaryKey({ columns: [t.stackId, t.orgName, t.project, t.name] }),
    index("stack_references_target").on(t.orgName, sql`lower(${t.project})`, sql`lower(${t.name})`),
  ],
);

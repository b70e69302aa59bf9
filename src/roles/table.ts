import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { ScopeGrant } from "../access/descriptor.ts";
import { organizations } from "../orgs/table.ts";

export const uxPurposes = ["role", "role_private", "role_temporary", "policy", "set"] as const;

/** Custom roles and permission sets of organizations (management-api §7). The built-in ones have no rows. Times are milliseconds since 1970. */
export const customRoles = sqliteTable(
  "roles",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    name: text("name").notNull(),
    description: text("description").notNull(),
    resourceType: text("resource_type").notNull(),
    uxPurpose: text("ux_purpose", { enum: uxPurposes }).notNull(),
    /** The tree of permission descriptors as JSON, word for word as the client sent it. */
    details: text("details").notNull(),
    /** The grants of the tree, with those of the records that it includes. */
    grants: text("grants", { mode: "json" }).$type<ScopeGrant[]>().notNull(),
    /** Incremented with every change of the record and of its grants: `members.access` and `rolesAreUnchanged` compare it. */
    version: integer("version").notNull().default(1),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
  },
  (t) => [uniqueIndex("roles_name").on(t.orgId, sql`lower(${t.name})`)],
);

/** The records that a record includes. An included record cannot be deleted, and its change also changes the records that include it. */
export const roleParts = sqliteTable("role_parts", { roleId: text("role_id").notNull(), partId: text("part_id").notNull() }, (t) => [
  primaryKey({ columns: [t.roleId, t.partId] }),
  index("role_parts_part").on(t.partId),
]);

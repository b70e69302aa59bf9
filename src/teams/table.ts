import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";

/** `scim` teams are filled by an identity provider. */
export const teamKinds = ["pulumi", "scim"] as const;

export const teams = sqliteTable(
  "teams",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    name: text("name").notNull(),
    displayName: text("display_name").notNull(),
    description: text("description").notNull(),
    kind: text("kind", { enum: teamKinds }).notNull().default("pulumi"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("teams_name").on(t.orgId, sql`lower(${t.name})`)],
);

/** A team administrator manages the members, grants and tokens of the team, and not its roles. */
export const teamMemberRoles = ["member", "admin"] as const;

export const teamMembers = sqliteTable(
  "team_members",
  {
    teamId: text("team_id").notNull(),
    userId: text("user_id").notNull(),
    role: text("role", { enum: teamMemberRoles }).notNull().default("member"),
    createdAt: integer("created_at").notNull(),
    /** Id of the connection whose groups put the person into the team; null: somebody added the person. */
    connectionId: text("connection_id"),
  },
  (t) => [primaryKey({ columns: [t.teamId, t.userId] }), index("team_members_user").on(t.userId)],
);

/** Custom roles that every member of a team has, and its tokens. */
export const teamRoles = sqliteTable("team_roles", { teamId: text("team_id").notNull(), roleId: text("role_id").notNull() }, (t) => [
  primaryKey({ columns: [t.teamId, t.roleId] }),
  index("team_roles_role").on(t.roleId),
]);

/** `token`: an organization token, by the id that its successors inherit. */
export const granteeKinds = ["team", "user", "token"] as const;
/** Wire values of a grant (management-api §8.4). Not an order: they are matched one by one. 104 is the creator's. */
export const grantPermissions = [101, 102, 103, 104] as const;
export type GrantPermission = (typeof grantPermissions)[number];

/** Rights on one stack that were given to a team, or that its creator has. */
export const stackGrants = sqliteTable(
  "stack_grants",
  {
    stackId: text("stack_id").notNull(),
    granteeKind: text("grantee_kind", { enum: granteeKinds }).notNull(),
    granteeId: text("grantee_id").notNull(),
    permission: integer("permission").$type<GrantPermission>().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.stackId, t.granteeKind, t.granteeId] }),
    index("stack_grants_grantee").on(t.granteeKind, t.granteeId, t.stackId),
  ],
);

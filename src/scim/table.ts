import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";

/** A name of a person as SCIM has it (RFC 7643 §4.1.1), as far as it is kept. */
export interface PersonName {
  formatted?: string;
  familyName?: string;
  givenName?: string;
}

export interface Email {
  value: string;
  type?: string;
  primary?: boolean;
}

/** The attributes of a SCIM user that have no column of their own. */
export interface Profile {
  displayName: string | null;
  name: PersonName;
  emails: Email[];
}

/** A membership that a deactivation ended, as `former` stores it. */
export interface FormerMembership {
  role: string;
  roleId: string | null;
  roleConnectionId: string | null;
  createdAt: number;
  acceptedAt: number | null;
  madeWith: string | null;
  /** Teams that SCIM does not fill: id, role in the team, time of joining, id of the connection. */
  teams: [string, string, number, string | null][];
}

/**
 * People as an organization's identity provider knows them. Times are milliseconds since 1970. A deleted row stays, so that the account that
 * it made is found again.
 */
export const scimUsers = sqliteTable(
  "scim_users",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    /** The account. Null: the user was created inactive, and has had none. */
    userId: text("user_id").references(() => users.id),
    userName: text("user_name").notNull(),
    /** The name, folded: upper and lower case are equal (identity-facts C-22). */
    userNameKey: text("user_name_key").notNull(),
    externalId: text("external_id"),
    active: integer("active", { mode: "boolean" }).notNull(),
    profile: text("profile", { mode: "json" }).$type<Profile>().notNull(),
    /** Whether SCIM made the account. */
    madeAccount: integer("made_account", { mode: "boolean" }).notNull().default(false),
    /**
     * The membership that a deactivation ended, and that an activation restores. Null for an inactive user: the membership ended in another way,
     * so an activation finds an account by the same rules as a creation.
     */
    former: text("former", { mode: "json" }).$type<FormerMembership>(),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    /** Incremented with every change: a change is refused if another one came between. */
    version: integer("version").notNull().default(1),
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    uniqueIndex("scim_users_name")
      .on(t.orgId, t.userNameKey)
      .where(sql`${t.deletedAt} IS NULL`),
    uniqueIndex("scim_users_external")
      .on(t.orgId, t.externalId)
      .where(sql`${t.externalId} IS NOT NULL AND ${t.deletedAt} IS NULL`),
    uniqueIndex("scim_users_account")
      .on(t.orgId, t.userId)
      .where(sql`${t.userId} IS NOT NULL AND ${t.deletedAt} IS NULL`),
    // The index has deleted rows too, because a refusal gives the person the reason.
    index("scim_users_person")
      .on(t.userId)
      .where(sql`${t.userId} IS NOT NULL`),
    index("scim_users_list")
      .on(t.orgId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
    index("scim_users_deleted")
      .on(t.orgId, t.userNameKey)
      .where(sql`${t.deletedAt} IS NOT NULL`),
  ],
);

/** Groups of an identity provider. Each has a team of the kind `scim`, which has the display name. */
export const scimGroups = sqliteTable(
  "scim_groups",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    teamId: text("team_id").notNull(),
    /** The display name, folded. */
    nameKey: text("name_key").notNull(),
    externalId: text("external_id"),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    version: integer("version").notNull().default(1),
    /** The group was deleted and its team was kept: a group that is created with the same name gets that team again. */
    deletedAt: integer("deleted_at"),
  },
  (t) => [
    uniqueIndex("scim_groups_team").on(t.teamId),
    uniqueIndex("scim_groups_name")
      .on(t.orgId, t.nameKey)
      .where(sql`${t.deletedAt} IS NULL`),
    uniqueIndex("scim_groups_external")
      .on(t.orgId, t.externalId)
      .where(sql`${t.externalId} IS NOT NULL AND ${t.deletedAt} IS NULL`),
    index("scim_groups_list")
      .on(t.orgId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
  ],
);

/** The members of groups. Inactive users are members too; only active ones are in the team (identity-facts C-33). */
export const scimGroupMembers = sqliteTable(
  "scim_group_members",
  {
    teamId: text("team_id").notNull(),
    scimUserId: text("scim_user_id").notNull(),
  },
  (t) => [primaryKey({ columns: [t.teamId, t.scimUserId] }), index("scim_group_members_user").on(t.scimUserId)],
);

/** The settings of an organization. An organization without a row has the defaults. */
export const scimSettings = sqliteTable("scim_settings", {
  orgId: text("org_id")
    .primaryKey()
    .references(() => organizations.id),
  /** Whether an activation also gives the person's older tokens and sessions their access again. */
  restoresTokens: integer("restores_tokens", { mode: "boolean" }).notNull(),
  /** Whether the deletion of a group deletes its team, with its tokens and grants. */
  deletesTeams: integer("deletes_teams", { mode: "boolean" }).notNull(),
});

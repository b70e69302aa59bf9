import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { users } from "../users/table.ts";

export const editions = ["community", "team", "enterprise", "business-critical"] as const;
export type Edition = (typeof editions)[number];

/**
 * What happens to a running update whose token is deleted: it may finish (`drain`), or its next renewal and write are refused (`abort`).
 */
export const inFlightRevocations = ["drain", "abort"] as const;

/** A permission on a stack in the API (management-api §8.4). A greater number does not include the smaller ones. */
export const stackPermissions = { none: 0, read: 101, write: 102, admin: 103 } as const;
export type StackPermission = (typeof stackPermissions)[keyof typeof stackPermissions];

/**
 * Who must sign in through the organization's identity provider: nobody, people in the console, or also the personal tokens of people, which
 * must be authorized.
 */
export const ssoRequirements = ["off", "people", "people-and-tokens"] as const;
export type SsoRequirement = (typeof ssoRequirements)[number];

/** Times are milliseconds since 1970. */
export const organizations = sqliteTable(
  "organizations",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    displayName: text("display_name").notNull(),
    createdAt: integer("created_at").notNull(),
    /** Null: the deployment's default, see `DEFAULT_EDITION`. */
    edition: text("edition", { enum: editions }),
    /** Null: 14 days after the organization was created. */
    trialEndsAt: integer("trial_ends_at"),
    /**
     * Incremented with every change of a setting: a guard compares it with what was checked. The default role is a setting, so a trigger of the
     * database increments it when the rights of that role change.
     */
    settingsVersion: integer("settings_version").notNull().default(0),
    inFlightRevocation: text("in_flight_revocation", { enum: inFlightRevocations }).notNull().default("drain"),
    /** How long a running update may continue after its token has ended, with the setting `drain`. */
    maxDrainHours: integer("max_drain_hours").notNull().default(24),
    /** Id of the default role, which members without another role have; null: the built-in Member. */
    defaultRoleId: text("default_role_id"),
    /** A member's permission on every stack. */
    defaultStackPermission: integer("default_stack_permission").$type<StackPermission>().notNull().default(stackPermissions.admin),
    membersCanCreateStacks: integer("members_can_create_stacks", { mode: "boolean" }).notNull().default(true),
    membersCanDeleteStacks: integer("members_can_delete_stacks", { mode: "boolean" }).notNull().default(true),
    membersCanTransferStacks: integer("members_can_transfer_stacks", { mode: "boolean" }).notNull().default(true),
    /** Longest remaining lifetime of a token; null: no policy. */
    maxTokenExpiryDays: integer("max_token_expiry_days"),
    /** Null: unused tokens stay valid. */
    disableUnusedTokensAfterDays: integer("disable_unused_tokens_after_days"),
    /** How long audit events stay in the database; null: forever. */
    auditRetentionDays: integer("audit_retention_days"),
    /** Networks that tokens may be used from, and countries (ISO 3166, two letters); empty: all. */
    allowedCidrs: text("allowed_cidrs", { mode: "json" }).$type<string[]>().notNull().default([]),
    allowedCountries: text("allowed_countries", { mode: "json" }).$type<string[]>().notNull().default([]),
    ssoRequired: text("sso_required", { enum: ssoRequirements }).notNull().default("off"),
    /** Days after a sign-in through the provider in which personal tokens work; 0: no limit. */
    ssoReauthDays: integer("sso_reauth_days").notNull().default(30),
    /** Longest session that the provider opens, in hours. */
    ssoSessionHours: integer("sso_session_hours").notNull().default(12),
  },
  (t) => [uniqueIndex("organizations_name").on(sql`lower(${t.name})`)],
);

export const roles = ["admin", "member", "billing-manager"] as const;
export type Role = (typeof roles)[number];

export const members = sqliteTable(
  "members",
  {
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    role: text("role", { enum: roles }).notNull(),
    createdAt: integer("created_at").notNull(),
    /**
     * When the person accepted the membership. 0: an operator's command created the membership, or it existed before memberships had to be
     * accepted. Null: the person was added and has not accepted. The person may then use the organization, but the organization's rules do
     * not apply to the person.
     */
    acceptedAt: integer("accepted_at").default(0),
    /**
     * Id of the token that added the person, or that created the invitation. Null: an operator's command added the person, or the row is
     * older than this column.
     */
    madeWith: text("made_with"),
    /**
     * Id of the role that the person was given, built-in or custom; `role` is the built-in one that is closest. Null: the built-in role;
     * with the role `member`, the organization's default role.
     */
    roleId: text("role_id"),
    /**
     * The role `roleId` and the roles of the person's teams, as JSON: `[null or [id, version], [[id, version], …]]`. A guard compares it with what
     * was checked, so each change of the person's own rights is noticed, and no change of others. Triggers of the database write it
     * (docs/decisions/0015).
     */
    access: text("access").notNull().default("[null,[]]"),
    /** Whether the person has a grant on a stack of the organization, as its creator or by a team. Triggers of the database write it. */
    hasStackGrants: integer("has_stack_grants", { mode: "boolean" }).notNull().default(false),
    /** An administrator who needs no single sign-on, for the day on which the identity provider fails. */
    isBreakGlass: integer("is_break_glass", { mode: "boolean" }).notNull().default(false),
    /** Id of the connection whose groups made the person an administrator; null: a person or an operator gave the role. */
    roleConnectionId: text("role_connection_id"),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.userId] }),
    index("members_user").on(t.userId),
    index("members_list").on(t.orgId, t.createdAt, t.userId),
    index("members_role")
      .on(t.roleId)
      .where(sql`${t.roleId} IS NOT NULL`),
    index("members_made_with")
      .on(t.madeWith)
      .where(sql`${t.madeWith} IS NOT NULL`),
  ],
);

/**
 * Memberships that have ended and that a credential had created. They give no access. What the member created in the organization still
 * descends from that credential, so that leaving does not cut the descent.
 */
export const formerMembers = sqliteTable(
  "former_members",
  {
    orgId: text("org_id").notNull(),
    userId: text("user_id").notNull(),
    madeWith: text("made_with").notNull(),
    createdAt: integer("created_at").notNull(),
    endedAt: integer("ended_at").notNull(),
  },
  (t) => [index("former_members_made_with").on(t.madeWith)],
);

export const inviteStatuses = ["pending", "accepted", "canceled"] as const;

/** Invitations. Anyone with the id may accept, once (management-api §6). */
export const invites = sqliteTable(
  "invites",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    /** "" if anyone with the link may accept. */
    email: text("email").notNull(),
    role: text("role", { enum: roles }).notNull(),
    status: text("status", { enum: inviteStatuses }).notNull().default("pending"),
    createdAt: integer("created_at").notNull(),
    /** Login of the person, or name of the organization for a machine's token. */
    sentBy: text("sent_by").notNull(),
    sentAt: integer("sent_at").notNull(),
    acceptedBy: text("accepted_by").references(() => users.id),
    /** The account that the invitation is for; null: anyone with the link. */
    userId: text("user_id").references(() => users.id),
    /** Id of the token that created it. Null: the row is older than this column. */
    madeWith: text("made_with"),
    /** Id of the custom role that the person will have; null: `role`. */
    roleId: text("role_id"),
    /** When the mail with the link is tried next; null: no mail is to be sent. */
    mailAt: integer("mail_at"),
    /** How often the mail was tried since it was last asked for. */
    mailTries: integer("mail_tries").notNull().default(0),
    /** When a mail was last accepted by the mail service. */
    mailedAt: integer("mailed_at"),
    /** The console of the deployment as the sender saw it: the mail's link begins with it. */
    mailOrigin: text("mail_origin"),
  },
  (t) => [
    index("invites_org").on(t.orgId, t.createdAt, t.id),
    index("invites_email").on(sql`lower(${t.email})`),
    index("invites_made_with")
      .on(t.madeWith)
      .where(sql`${t.madeWith} IS NOT NULL`),
    index("invites_mail")
      .on(t.mailAt)
      .where(sql`${t.mailAt} IS NOT NULL`),
  ],
);

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";

/** A session is the console's: only its cookie carries one, and no list shows it. */
export const tokenKinds = ["personal", "session", "organization", "team"] as const;
export type TokenKind = (typeof tokenKinds)[number];

/** Roles that a machine token can have. A personal token has its person's role, whatever stands in its row. */
export const tokenRoles = ["admin", "member", "billing-manager", "read-only"] as const;
export type TokenRole = (typeof tokenRoles)[number];

/** Why a token is disabled. `maker-leaked`: a credential that it descends from was found in the open. */
export const disabledReasons = ["admin", "unused", "leaked", "maker-leaked"] as const;

/** What a rule of a token opens on stacks; each includes those before it. */
export const stackAccesses = ["read", "preview", "write"] as const;

/** Stacks that a token is limited to, by name pattern: `*` stands for any characters. */
export interface StackRule {
  project: string;
  stack: string;
  access: (typeof stackAccesses)[number];
}

/**
 * Access tokens of every kind. A personal token or session has a user, a machine token an organization; never both.
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
    /** Of a team token: the id of its team, whose name is in `team`. */
    teamId: text("team_id"),
    name: text("name").notNull(),
    description: text("description").notNull(),
    /** HMAC-SHA-256 of the value under a pepper, hex. Never leaves the store. */
    hash: text("hash").notNull(),
    role: text("role", { enum: tokenRoles }).notNull().default("member"),
    /** Id of the custom role of an organization token; `role` is then the built-in one that is closest. */
    roleId: text("role_id"),
    createdAt: integer("created_at").notNull(),
    /** Login of the person who created it; kept when that person leaves. */
    createdBy: text("created_by").notNull(),
    expiresAt: integer("expires_at"),
    lastUsedAt: integer("last_used_at"),
    deletedAt: integer("deleted_at"),
    /** Shown instead of the name; may change, the name may not. */
    displayName: text("display_name").notNull().default(""),
    /** Grows with every change of what the token may do: a guard compares it with what was judged. */
    version: integer("version").notNull().default(0),
    /** Null: all stacks that the role opens. An empty list: none. */
    stackRules: text("stack_rules", { mode: "json" }).$type<StackRule[]>(),
    /** Networks that the token may be used from, and countries (ISO 3166, two letters); empty: from everywhere. */
    allowedCidrs: text("allowed_cidrs", { mode: "json" }).$type<string[]>().notNull().default([]),
    allowedCountries: text("allowed_countries", { mode: "json" }).$type<string[]>().notNull().default([]),
    disabledAt: integer("disabled_at"),
    disabledReason: text("disabled_reason", { enum: disabledReasons }),
    /** When it was last switched on again: unused days count from then. */
    enabledAt: integer("enabled_at"),
    mayRotateItself: integer("may_rotate_itself", { mode: "boolean" }).notNull().default(false),
    /** Id of the first token of a line of rotations; null while there was none. */
    familyId: text("family_id"),
    /** 1 for a token that was created, one more with each rotation. */
    generation: integer("generation").notNull().default(1),
    rotatedFrom: text("rotated_from"),
    /**
     * Id of the credential that made this one: the token of the request. A session's is the personal token that opened it, and the session
     * ends with that. Null: made by an operator's command, or before this was recorded.
     */
    madeWith: text("made_with"),
    successorId: text("successor_id"),
    /** End of the overlap with the successor. */
    retiresAt: integer("retires_at"),
    lastUsedAddress: text("last_used_address").notNull().default(""),
    lastUsedCountry: text("last_used_country").notNull().default(""),
    lastUsedClient: text("last_used_client").notNull().default(""),
    /** A moment at which the deletion was certainly committed: what a revocation receipt counts from. */
    deletionSeenAt: integer("deletion_seen_at"),
  },
  (t) => [
    uniqueIndex("access_tokens_hash").on(t.hash),
    uniqueIndex("access_tokens_name")
      .on(t.orgId, sql`lower(${t.name})`)
      .where(sql`${t.orgId} IS NOT NULL`),
    index("access_tokens_org")
      .on(t.orgId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
    index("access_tokens_user")
      .on(t.userId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
    index("access_tokens_made_with")
      .on(t.madeWith)
      .where(sql`${t.madeWith} IS NOT NULL`),
    // Ended ones too: what a person made is found by them.
    index("access_tokens_person")
      .on(t.userId)
      .where(sql`${t.userId} IS NOT NULL`),
    index("access_tokens_role")
      .on(t.roleId)
      .where(sql`${t.roleId} IS NOT NULL`),
    index("access_tokens_team")
      .on(t.teamId)
      .where(sql`${t.teamId} IS NOT NULL`),
    index("access_tokens_family")
      .on(t.familyId)
      .where(sql`${t.familyId} IS NOT NULL`),
  ],
);

/** Accepted requests of a token, by day (days since 1970, UTC). */
export const tokenUsage = sqliteTable(
  "token_usage",
  {
    tokenId: text("token_id").notNull(),
    day: integer("day").notNull(),
    requests: integer("requests").notNull(),
  },
  (t) => [primaryKey({ columns: [t.tokenId, t.day] })],
);

export const originKinds = ["address", "country", "client"] as const;

/** Where a token was used from and with what: the latest few of each kind. */
export const tokenOrigins = sqliteTable(
  "token_origins",
  {
    tokenId: text("token_id").notNull(),
    kind: text("kind", { enum: originKinds }).notNull(),
    value: text("value").notNull(),
    lastAt: integer("last_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.tokenId, t.kind, t.value] })],
);

/** Reports of tokens that somebody found where they should not be. Only those that name a token of ours. */
export const leakReports = sqliteTable(
  "leak_reports",
  {
    id: text("id").primaryKey(),
    tokenId: text("token_id").notNull(),
    at: integer("at").notNull(),
    /** `holder`: someone who had the value; else the name of the scanner. */
    source: text("source").notNull(),
    /** Where it was found, as the scanner says. */
    url: text("url").notNull(),
    address: text("address").notNull(),
  },
  (t) => [index("leak_reports_token").on(t.tokenId, t.at)],
);

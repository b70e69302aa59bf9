import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";

/**
 * `session` is for the console: its value is only in a cookie, and it is never listed. `scim` belongs to an organization, and is valid for the
 * paths of SCIM only.
 */
export const tokenKinds = ["personal", "session", "organization", "team", "scim"] as const;
export type TokenKind = (typeof tokenKinds)[number];

/** Roles of a machine token. A personal token has the role of its person, whatever its row contains. */
export const tokenRoles = ["admin", "member", "billing-manager", "read-only"] as const;
export type TokenRole = (typeof tokenRoles)[number];

/** Why a token is disabled. `maker-leaked`: a credential that it descends from was found in public. */
export const disabledReasons = ["admin", "unused", "leaked", "maker-leaked"] as const;

/** Access levels of a token's rule on stacks; each includes those before it. */
export const stackAccesses = ["read", "preview", "write"] as const;

/** Stacks that a token is limited to, by name pattern: `*` matches any characters. */
export interface StackRule {
  project: string;
  stack: string;
  access: (typeof stackAccesses)[number];
}

/**
 * Access tokens of every kind. A personal token or session has a user, a machine token an organization; never both. An exchanged token also has
 * an issuer; the cron deletes its row some time after its end.
 * A deleted token keeps its row: its name stays reserved, and the audit log can always identify it.
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
    /** For a team token, the id of its team; `team` is the name. */
    teamId: text("team_id"),
    name: text("name").notNull(),
    description: text("description").notNull(),
    /** HMAC-SHA-256 of the value under a pepper, hex. It never leaves the database. */
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
    /** Shown instead of the name. It can change; the name cannot. */
    displayName: text("display_name").notNull().default(""),
    /** Incremented with every change of the token's rights: a guard compares it with the version that was authorized. */
    version: integer("version").notNull().default(0),
    /** Null: all stacks that the role allows. An empty list: none. */
    stackRules: text("stack_rules", { mode: "json" }).$type<StackRule[]>(),
    /** Networks that the token may be used from, and countries (ISO 3166, two letters); empty: all. */
    allowedCidrs: text("allowed_cidrs", { mode: "json" }).$type<string[]>().notNull().default([]),
    allowedCountries: text("allowed_countries", { mode: "json" }).$type<string[]>().notNull().default([]),
    disabledAt: integer("disabled_at"),
    disabledReason: text("disabled_reason", { enum: disabledReasons }),
    /** When it was last enabled again: unused days count from then. */
    enabledAt: integer("enabled_at"),
    mayRotateItself: integer("may_rotate_itself", { mode: "boolean" }).notNull().default(false),
    /** Id of the first token of its family; null before the first rotation. */
    familyId: text("family_id"),
    /** 1 for a token that was created, one more for each rotation. */
    generation: integer("generation").notNull().default(1),
    rotatedFrom: text("rotated_from"),
    /**
     * Id of the credential that created this one: the token of the request. For a session, it is the personal token that opened it, with
     * which the session ends. Null: created by an operator's command, or before this was recorded.
     */
    madeWith: text("made_with"),
    successorId: text("successor_id"),
    /** End of the overlap with the successor. */
    retiresAt: integer("retires_at"),
    lastUsedAddress: text("last_used_address").notNull().default(""),
    lastUsedCountry: text("last_used_country").notNull().default(""),
    lastUsedClient: text("last_used_client").notNull().default(""),
    /** Id of the identity provider whose token was exchanged for this one, and the subject of that token. */
    issuerId: text("issuer_id"),
    subject: text("subject").notNull().default(""),
    /**
     * The only organization where it is valid: of an exchanged personal token, of a session that the organization's identity provider opened,
     * and of a personal token that was created in such a session.
     */
    onlyOrgId: text("only_org_id"),
    /** Id of the identity that the session was opened with, or that opened the session in which the personal token was created. */
    identityId: text("identity_id"),
    /** The id (`sid`) of the session at the identity provider that opened this one; a logout there names it. */
    providerSession: text("provider_session"),
    /** A time at which the deletion was certainly committed, for the revocation receipt. */
    deletionSeenAt: integer("deletion_seen_at"),
  },
  (t) => [
    uniqueIndex("access_tokens_hash").on(t.hash),
    uniqueIndex("access_tokens_name")
      .on(t.orgId, sql`lower(${t.name})`)
      .where(sql`${t.orgId} IS NOT NULL AND ${t.issuerId} IS NULL`),
    index("access_tokens_org")
      .on(t.orgId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
    // Without exchanged tokens, of which an organization may have many more.
    index("access_tokens_lasting")
      .on(t.orgId, t.createdAt, t.id)
      .where(sql`${t.kind} = 'organization' AND ${t.deletedAt} IS NULL AND ${t.issuerId} IS NULL`),
    index("access_tokens_expiring")
      .on(t.orgId, t.expiresAt)
      .where(sql`${t.kind} = 'organization' AND ${t.deletedAt} IS NULL AND ${t.issuerId} IS NULL AND ${t.expiresAt} IS NOT NULL`),
    index("access_tokens_user")
      .on(t.userId, t.createdAt, t.id)
      .where(sql`${t.deletedAt} IS NULL`),
    index("access_tokens_made_with")
      .on(t.madeWith)
      .where(sql`${t.madeWith} IS NOT NULL`),
    // Ended tokens too: the index finds everything that a person's tokens created.
    index("access_tokens_person")
      .on(t.userId)
      .where(sql`${t.userId} IS NOT NULL`),
    index("access_tokens_role")
      .on(t.roleId)
      .where(sql`${t.roleId} IS NOT NULL`),
    index("access_tokens_team")
      .on(t.teamId)
      .where(sql`${t.teamId} IS NOT NULL`),
    index("access_tokens_issuer")
      .on(t.issuerId, t.createdAt, t.id)
      .where(sql`${t.issuerId} IS NOT NULL`),
    // An issuer may have many more ended tokens than valid ones.
    index("access_tokens_issuer_valid")
      .on(t.issuerId, t.expiresAt)
      .where(sql`${t.issuerId} IS NOT NULL AND ${t.deletedAt} IS NULL`),
    index("access_tokens_identity")
      .on(t.identityId)
      .where(sql`${t.identityId} IS NOT NULL`),
    index("access_tokens_provider_session")
      .on(t.providerSession)
      .where(sql`${t.providerSession} IS NOT NULL`),
    index("access_tokens_family")
      .on(t.familyId)
      .where(sql`${t.familyId} IS NOT NULL`),
  ],
);

/**
 * Personal tokens and sessions without access to an organization, because they are older than their person's deactivation there. A trigger of the
 * database adds what such a token creates.
 */
export const barredTokens = sqliteTable("barred_tokens", { tokenId: text("token_id").notNull(), orgId: text("org_id").notNull() }, (t) => [
  primaryKey({ columns: [t.tokenId, t.orgId] }),
]);

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

/** A network is the /24 of an IPv4 address or the /48 of an IPv6 address. */
export const originKinds = ["address", "country", "client", "network"] as const;

/** Origins and clients of a token: the latest few of each kind. */
export const tokenOrigins = sqliteTable(
  "token_origins",
  {
    tokenId: text("token_id").notNull(),
    kind: text("kind", { enum: originKinds }).notNull(),
    value: text("value").notNull(),
    lastAt: integer("last_at").notNull(),
    /** 0 in rows that are older than the column. */
    firstAt: integer("first_at").notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.tokenId, t.kind, t.value] })],
);

/** Reports of leaked tokens. Only reports that name an existing token. */
export const leakReports = sqliteTable(
  "leak_reports",
  {
    id: text("id").primaryKey(),
    tokenId: text("token_id").notNull(),
    at: integer("at").notNull(),
    /** `holder`: a person with the token's value; else the name of the scanner. */
    source: text("source").notNull(),
    /** Where it was found, as the scanner reports. */
    url: text("url").notNull(),
    address: text("address").notNull(),
  },
  (t) => [index("leak_reports_token").on(t.tokenId, t.at)],
);

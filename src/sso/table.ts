import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";

export const connectionKinds = ["oidc", "github", "saml"] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

/** Roles that a first sign-in can give. Only a group that is mapped to `admin` makes an administrator. */
export const firstRoles = ["member", "billing-manager"] as const;

/** A group of the provider gives its members a place in a team, or the role Admin. */
export type GroupMapping = { group: string; teamId: string } | { group: string; role: "admin" };

/** The parts of the provider's metadata that a SAML connection needs. */
export interface SamlSettings {
  /** The metadata as the administrator sent them. */
  metadata: string;
  /** Where requests go, by the binding HTTP-Redirect. */
  ssoUrl: string;
  /** Base64 of DER. */
  certificates: string[];
  nameIdFormats: string[];
  /** When the last certificate expires. */
  validUntil: number;
  /** Whether the provider may begin a sign-in. */
  idpInitiated: boolean;
}

/**
 * Identity providers through which the people of an organization sign in. The deployment's own providers are settings and have no row. Times are
 * milliseconds since 1970.
 */
export const connections = sqliteTable(
  "connections",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    kind: text("kind", { enum: connectionKinds }).notNull(),
    /** The name on pages and in the log. */
    name: text("name").notNull(),
    /** The `iss` of its ID tokens, for GitHub its address, for SAML the entity id of the provider. */
    issuer: text("issuer").notNull(),
    /** For SAML, the entity id of this server. */
    clientId: text("client_id").notNull(),
    /** Encrypted with a master key for this connection, in base64url. It never leaves the database. "" for SAML, which has none. */
    clientSecret: text("client_secret").notNull(),
    /** Domains of e-mail addresses of people who may become members. Only those count that the organization has proved. */
    allowedDomains: text("allowed_domains", { mode: "json" }).$type<string[]>().notNull(),
    firstRole: text("first_role", { enum: firstRoles }).notNull(),
    /** Name of the claim with the groups, and the scope that makes the provider send it; "" for none. */
    groupClaim: text("group_claim").notNull(),
    groupScope: text("group_scope").notNull(),
    groupMappings: text("group_mappings", { mode: "json" }).$type<GroupMapping[]>().notNull(),
    enabled: integer("enabled", { mode: "boolean" }).notNull(),
    /** Null for the other kinds. */
    saml: text("saml", { mode: "json" }).$type<SamlSettings>(),
    /** Incremented with every change: the batch of a sign-in compares it with what was checked. */
    version: integer("version").notNull().default(1),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    /** Id of the token or session that created it or changed it last. */
    madeWith: text("made_with").notNull(),
  },
  (t) => [uniqueIndex("connections_provider").on(t.orgId, t.issuer, t.clientId)],
);

/**
 * The accounts of people at identity providers. The connection, the issuer and the subject together are the key; the address links nothing.
 */
export const identities = sqliteTable(
  "identities",
  {
    id: text("id").primaryKey(),
    /** Id of a connection, or `deployment-NAME` for a provider of the deployment. */
    connectionId: text("connection_id").notNull(),
    /** The organization of the connection; null for a provider of the deployment. */
    orgId: text("org_id").references(() => organizations.id),
    issuer: text("issuer").notNull(),
    subject: text("subject").notNull(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    /** The address of the last sign-in, only for pages. */
    email: text("email").notNull(),
    createdAt: integer("created_at").notNull(),
    lastSignInAt: integer("last_sign_in_at").notNull(),
  },
  (t) => [
    uniqueIndex("identities_subject").on(t.connectionId, t.issuer, t.subject),
    index("identities_user").on(t.userId),
    index("identities_org")
      .on(t.orgId, t.userId)
      .where(sql`${t.orgId} IS NOT NULL`),
  ],
);

/** Domains that an organization has proved, or is about to prove, by a TXT record. */
export const domains = sqliteTable(
  "domains",
  {
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    /** In lower case, in ASCII. */
    domain: text("domain").notNull(),
    /** The value that the TXT record must have. */
    challenge: text("challenge").notNull(),
    createdAt: integer("created_at").notNull(),
    /** Null: not proved yet, or not any more. */
    provenAt: integer("proven_at"),
    checkedAt: integer("checked_at").notNull().default(0),
    /** How often in a row the record was missing when the proof was checked again. */
    failures: integer("failures").notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.domain] }),
    // Only one organization can have proved a domain.
    uniqueIndex("domains_proven")
      .on(t.domain)
      .where(sql`${t.provenAt} IS NOT NULL`),
  ],
);

/** Personal tokens that their owners authorized for an organization that requires single sign-on. */
export const tokenAuthorizations = sqliteTable(
  "token_authorizations",
  {
    tokenId: text("token_id").notNull(),
    orgId: text("org_id").notNull(),
    /** The identity that the person had signed in with. The authorization ends with it. */
    identityId: text("identity_id").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tokenId, t.orgId] }),
    index("token_authorizations_org").on(t.orgId, t.createdAt, t.tokenId),
    index("token_authorizations_identity").on(t.identityId),
  ],
);

/** Ids of finished sign-ins (the id is sealed with each sign-in) and of assertions of SAML. A second use of the same id is refused. */
export const usedSignIns = sqliteTable(
  "used_sign_ins",
  {
    id: text("id").primaryKey(),
    /** When the seal or the assertion expires, and with it the row. */
    endsAt: integer("ends_at").notNull(),
  },
  (t) => [index("used_sign_ins_ends").on(t.endsAt)],
);

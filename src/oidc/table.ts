import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import type { StackRule } from "../tokens/table.ts";

/** The kinds of token that an identity provider's token can be exchanged for. */
export const exchangedKinds = ["organization", "team", "personal"] as const;
export type ExchangedKind = (typeof exchangedKinds)[number];

/** A rule on stacks whose patterns may contain claims: `{"project": "{repository_name}", "stack": "*"}`. */
export type PolicyStack = StackRule;

/** One definition of an issuer's policy (management-api §10.1). */
export interface PolicyDefinition {
  decision: "allow" | "deny";
  tokenType: ExchangedKind;
  teamName?: string | undefined;
  userLogin?: string | undefined;
  roleID?: string | undefined;
  authorizedPermissions: string[];
  /** Patterns by the path of a claim. */
  rules: Record<string, string>;
  stacks?: PolicyStack[] | undefined;
}

/** A public key of an issuer, with the members that a signature needs (RFC 7517). */
export interface PublicKey {
  kty: string;
  kid?: string | undefined;
  use?: string | undefined;
  alg?: string | undefined;
  n?: string | undefined;
  e?: string | undefined;
  crv?: string | undefined;
  x?: string | undefined;
  y?: string | undefined;
}

/**
 * Identity providers whose tokens can be exchanged for access tokens of the organization, and their policies. Times are milliseconds since
 * 1970, durations are seconds.
 */
export const oidcIssuers = sqliteTable(
  "oidc_issuers",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    name: text("name").notNull(),
    url: text("url").notNull(),
    /** The `iss` of its tokens. It is the URL, and never changes. */
    issuer: text("issuer").notNull(),
    /** Where the keys are; null: an administrator has set them. */
    jwksUri: text("jwks_uri"),
    keys: text("keys", { mode: "json" }).$type<PublicKey[]>().notNull(),
    /** When the keys were read. */
    fetchedAt: integer("fetched_at").notNull(),
    /** When the keys were last about to be read, because they must not be read too often. */
    triedAt: integer("tried_at").notNull(),
    thumbprints: text("thumbprints", { mode: "json" }).$type<string[]>().notNull(),
    /** Longest lifetime of an exchanged token. */
    maxExpiration: integer("max_expiration").notNull(),
    /** Values of `aud` that are accepted besides the organization's and the deployment's. */
    audiences: text("audiences", { mode: "json" }).$type<string[]>().notNull(),
    /** Whether a token, by its `jti`, can be exchanged only once. */
    singleUse: integer("single_use", { mode: "boolean" }).notNull(),
    /** Whether its exchanged tokens end when the issuer is deleted or its policy allows less. */
    endsSessions: integer("ends_sessions", { mode: "boolean" }).notNull(),
    /** Incremented with every change: the batch of an exchange compares it with what was checked. */
    version: integer("version").notNull().default(1),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    lastUsedAt: integer("last_used_at"),
    /** Id of the token that created it, or set its policy, keys or audiences last: what the issuer creates descends from that token. */
    madeWith: text("made_with").notNull(),
    /** When the revocation of that token ended it. Setting its policy again enables it. */
    disabledAt: integer("disabled_at"),
    policyId: text("policy_id").notNull(),
    policies: text("policies", { mode: "json" }).$type<PolicyDefinition[]>().notNull(),
    policyVersion: integer("policy_version").notNull().default(1),
    policyModifiedAt: integer("policy_modified_at").notNull(),
  },
  (t) => [
    uniqueIndex("oidc_issuers_issuer").on(t.orgId, t.issuer),
    uniqueIndex("oidc_issuers_policy").on(t.policyId),
    index("oidc_issuers_made_with").on(t.madeWith),
  ],
);

/** Ids (`jti`) of tokens that were exchanged, for issuers whose tokens can be exchanged once. A row is deleted when its token has expired. */
export const usedTokenIds = sqliteTable(
  "used_token_ids",
  {
    issuerId: text("issuer_id").notNull(),
    /** SHA-256 of the id. */
    hash: text("hash").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.issuerId, t.hash] }), index("used_token_ids_expires").on(t.expiresAt)],
);

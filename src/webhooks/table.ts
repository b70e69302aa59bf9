import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";

export const webhookFormats = ["raw", "slack", "ms_teams"] as const;
export type WebhookFormat = (typeof webhookFormats)[number];

/** How often a webhook sends a summary, in place of a message for each event. */
export const webhookDigests = ["daily", "weekly"] as const;
export type WebhookDigest = (typeof webhookDigests)[number];

/**
 * Why a webhook was deactivated by the service: it failed for days, its destination said that it is gone, or the credential that set it up was
 * revoked.
 */
export const webhookDisabledReasons = ["failing", "gone", "revoked"] as const;
export type DisabledReason = (typeof webhookDisabledReasons)[number];

/**
 * Webhooks of organizations and stacks. The deliveries of each webhook are in a Durable Object of its own. Times are milliseconds since
 * 1970.
 */
export const webhooks = sqliteTable(
  "webhooks",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    /** "" for a webhook of the organization. */
    stackId: text("stack_id").notNull(),
    name: text("name").notNull(),
    displayName: text("display_name").notNull(),
    format: text("format").$type<WebhookFormat>().notNull(),
    filters: text("filters", { mode: "json" }).$type<string[]>().notNull(),
    groups: text("groups", { mode: "json" }).$type<string[]>().notNull(),
    /** Address and secret, encrypted: the address of a chat's webhook is a credential (identity-facts W-8). */
    sealed: text("sealed").notNull(),
    /** Host of the address. */
    destination: text("destination").notNull(),
    /** Changes with the secret; "" without one. Answers have it as `secretCiphertext`, and it reveals nothing. */
    secretTag: text("secret_tag").notNull(),
    active: integer("active", { mode: "boolean" }).notNull(),
    disabledFor: text("disabled_for").$type<DisabledReason>(),
    /** Host of this deployment, with its port, for addresses in messages. */
    host: text("host").notNull(),
    /** Only later records of the audit log are sent. */
    fromSeq: integer("from_seq").notNull(),
    /** Incremented with every change. */
    version: integer("version").notNull().default(1),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    /** Id of the token that created it, or changed or activated it last. */
    madeWith: text("made_with").notNull(),
    /** The first of the failures since the last success, and the reason of the first one. */
    failingSince: integer("failing_since"),
    error: text("error").notNull().default(""),
    /** Null: it sends each event. */
    digest: text("digest").$type<WebhookDigest>(),
    /** The time of the last digest, or when it was asked for: the next one begins there. */
    digestAt: integer("digest_at").notNull().default(0),
  },
  (t) => [
    uniqueIndex("webhooks_name").on(t.orgId, t.stackId, sql`lower(${t.name})`),
    index("webhooks_made_with").on(t.madeWith),
    index("webhooks_digest")
      .on(t.digestAt)
      .where(sql`${t.digest} IS NOT NULL`),
  ],
);

/** How far the audit log of an organization was examined for its webhooks. Organizations without webhooks have no row. */
export const webhookCursors = sqliteTable("webhook_cursors", {
  orgId: text("org_id").primaryKey(),
  seq: integer("seq").notNull(),
});

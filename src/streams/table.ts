import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { organizations } from "../orgs/table.ts";
import type { Destination, StreamFormat } from "./destination.ts";

/** Why a stream is paused: an administrator asked for it, it failed for a day, or the credential that set it up was revoked. */
export type PausedFor = "asked" | "failing" | "revoked";

/**
 * Streams that send an organization's audit log to another system. A stream is a cursor over the chain: `deliveredThrough` is the last record
 * that the destination has confirmed. Times are milliseconds since 1970.
 */
export const auditStreams = sqliteTable(
  "audit_streams",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organizations.id),
    name: text("name").notNull(),
    format: text("format").$type<StreamFormat>().notNull(),
    /** The settings of the destination, without its credentials. */
    destination: text("destination", { mode: "json" }).$type<Destination>().notNull(),
    /** The credentials, encrypted (`seal.ts`). */
    credentials: text("credentials").notNull(),
    /** Name of this deployment in the formats that contain one. */
    host: text("host").notNull(),
    deliveredThrough: integer("delivered_through").notNull(),
    /** Day of the last signed checkpoint that was sent. */
    checkpointDay: text("checkpoint_day").notNull().default(""),
    /** Incremented with every change by a caller. An attempt that began before the change moves nothing. */
    version: integer("version").notNull().default(1),
    createdAt: integer("created_at").notNull(),
    modifiedAt: integer("modified_at").notNull(),
    /** Id of the token that created it, or set its destination last. */
    madeWith: text("made_with").notNull(),
    lastSuccessAt: integer("last_success_at"),
    /** The first of the failures since the last success. */
    failingSince: integer("failing_since"),
    failures: integer("failures").notNull().default(0),
    /** The next attempt after a failure. */
    retryAt: integer("retry_at").notNull().default(0),
    /** Why the last attempt failed, in a sentence; "" after a success. */
    error: text("error").notNull().default(""),
    pausedAt: integer("paused_at"),
    pausedFor: text("paused_for").$type<PausedFor>(),
  },
  (t) => [uniqueIndex("audit_streams_name").on(t.orgId, sql`lower(${t.name})`), index("audit_streams_made_with").on(t.madeWith)],
);

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { ChainFinding } from "./chain.ts";

/**
 * Events to be logged, written in the same batch as the change that they describe (the outbox). A row is deleted by the batch that writes
 * its event into the log, or after the event was kept as a dead letter.
 */
export const auditOutbox = sqliteTable(
  "audit_outbox",
  {
    seq: integer("seq").primaryKey({ autoIncrement: true }),
    id: text("id").notNull(),
    body: text("body").notNull(),
    createdAt: integer("created_at").notNull(),
    /** When the cron sends the event again, if the row still exists. */
    relayAt: integer("relay_at").notNull().default(0),
  },
  (t) => [index("audit_outbox_id").on(t.id), index("audit_outbox_relay").on(t.relayAt)],
);

/** The log. `at` is the time of the event (milliseconds), not of its writing. */
export const auditEvents = sqliteTable(
  "audit_events",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    at: integer("at").notNull(),
    event: text("event").notNull(),
    description: text("description").notNull(),
    sourceIp: text("source_ip").notNull(),
    /** Login of the person; for a machine token the name of its organization. */
    userLogin: text("user_login").notNull(),
    userName: text("user_name").notNull(),
    tokenId: text("token_id").notNull(),
    tokenName: text("token_name").notNull(),
    /** `project/stack`, or "" when the event is not about a stack. */
    stack: text("stack").notNull(),
    /** For a console session: id of the personal token that opened it; else "". */
    openedWith: text("opened_with").notNull().default(""),
    reqOrgAdmin: integer("req_org_admin", { mode: "boolean" }).notNull(),
    reqStackAdmin: integer("req_stack_admin", { mode: "boolean" }).notNull(),
    authFailure: integer("auth_failure", { mode: "boolean" }).notNull(),
    /**
     * Sequence number in the organization's chain, from 1 (`chain.ts`). Null only in rows that are older than the chain, until the cron
     * adds them to it.
     */
    seq: integer("seq"),
    prevHash: text("prev_hash"),
    hash: text("hash"),
  },
  (t) => [
    index("audit_events_org").on(t.orgId, t.at, t.id),
    index("audit_events_event").on(t.orgId, t.event, t.at, t.id),
    index("audit_events_user").on(t.orgId, t.userLogin, t.at, t.id),
    index("audit_events_token").on(t.orgId, t.tokenId, t.at, t.id),
    index("audit_events_opened_with")
      .on(t.orgId, t.openedWith, t.at, t.id)
      .where(sql`${t.openedWith} <> ''`),
    index("audit_events_address").on(t.orgId, t.sourceIp, t.at, t.id),
    index("audit_events_stack")
      .on(t.orgId, t.stack, t.at, t.id)
      .where(sql`${t.stack} <> ''`),
    index("audit_events_refusals")
      .on(t.orgId, t.at, t.id)
      .where(sql`${t.authFailure} = 1`),
    uniqueIndex("audit_events_seq").on(t.orgId, t.seq),
    index("audit_events_unchained")
      .on(t.orgId)
      .where(sql`${t.seq} IS NULL`),
  ],
);

/** The end of each organization's chain, and how far the chain is archived and signed. */
export const auditHeads = sqliteTable("audit_heads", {
  orgId: text("org_id").primaryKey(),
  seq: integer("seq").notNull(),
  hash: text("hash").notNull(),
  /** Rows up to this sequence number are in the archive and no longer in the table. */
  archivedSeq: integer("archived_seq").notNull().default(0),
  /** Last record and day (UTC) of the latest signed checkpoint. */
  checkpointSeq: integer("checkpoint_seq").notNull().default(0),
  checkpointDay: text("checkpoint_day").notNull().default(""),
});

/** Ids of archived records that a later event could repeat: such an id is derived from the update or object that the event is about. */
export const auditArchivedIds = sqliteTable("audit_archived_ids", { id: text("id").primaryKey() });

/** Objects in R2 with the records that are no longer in the table. Together they are the start of the chain, without gaps. */
export const auditArchives = sqliteTable(
  "audit_archives",
  {
    orgId: text("org_id").notNull(),
    firstSeq: integer("first_seq").notNull(),
    lastSeq: integer("last_seq").notNull(),
    /** Smallest and greatest `at` of its records. */
    firstAt: integer("first_at").notNull(),
    lastAt: integer("last_at").notNull(),
    key: text("key").notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.firstSeq] })],
);

/**
 * How far the daily check has examined each organization's chain. A check begins with the first record and takes many runs of the cron; the next
 * one begins on a later day.
 */
export const auditChecks = sqliteTable("audit_checks", {
  orgId: text("org_id").primaryKey(),
  /** Incremented with every part: of two runs at the same time, one writes nothing. */
  version: integer("version").notNull(),
  /** Day (UTC) on which the check began. */
  day: text("day").notNull(),
  /** The last record that was examined, and its hash; "" if that record is missing. */
  seq: integer("seq").notNull(),
  hash: text("hash").notNull(),
  /** When the last part was tried. Milliseconds since 1970. */
  triedAt: integer("tried_at").notNull(),
  /** Whether the check has reached the end of the chain. */
  isDone: integer("is_done", { mode: "boolean" }).notNull(),
});

/** The faults that the daily check has found. A fault that a later check does not find any more is deleted. */
export const auditFaults = sqliteTable(
  "audit_faults",
  {
    orgId: text("org_id").notNull(),
    seq: integer("seq").notNull(),
    fault: text("fault").$type<ChainFinding>().notNull(),
    foundAt: integer("found_at").notNull(),
    /** Day of the last check that found it. */
    day: text("day").notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.seq, t.fault] })],
);

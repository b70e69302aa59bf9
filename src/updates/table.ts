import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const updateKinds = ["update", "preview", "refresh", "rename", "destroy", "import", "resource-import"] as const;
export type UpdateKind = (typeof updateKinds)[number];

/** Wire names of an update's states (cli-protocol §4.1). */
export const updateStatuses = ["not started", "running", "succeeded", "failed", "cancelled"] as const;
export type UpdateStatus = (typeof updateStatuses)[number];

/** The history has other names than the status of an update (cli-protocol trap 31). */
export const updateResults = ["not-started", "in-progress", "succeeded", "failed"] as const;
export const resultOf: Record<UpdateStatus, (typeof updateResults)[number]> = {
  "not started": "not-started",
  running: "in-progress",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "failed",
};

/**
 * The reason for which an update ended with the state from before it. `unreadable`: its journal could not be replayed. `storage`: the state
 * store did not answer for hours. `canceled`: a caller canceled it while its new state could not be stored. Its journal is kept for the
 * operator.
 */
export const keptJournals = ["unreadable", "storage", "canceled"] as const;
export type KeptJournal = (typeof keptJournals)[number];

/** The history: one row for each update and preview. The row of an ended update never changes. */
export const updates = sqliteTable(
  "updates",
  {
    id: text("id").primaryKey(),
    stackId: text("stack_id").notNull(),
    kind: text("kind", { enum: updateKinds }).notNull(),
    dryRun: integer("dry_run", { mode: "boolean" }).notNull(),
    status: text("status", { enum: updateStatuses }).notNull(),
    /** Version of the stack that this update creates; for a preview the version that it ran against. Null before the start. */
    version: integer("version"),
    message: text("message").notNull(),
    /** JSON objects as the CLI sent them (cli-protocol §4.3.1). */
    environment: text("environment").notNull(),
    config: text("config").notNull(),
    /** Login of the user, or name of the organization for a machine's token. */
    requestedBy: text("requested_by").notNull(),
    tokenId: text("token_id").notNull(),
    tokenName: text("token_name").notNull(),
    createdAt: integer("created_at").notNull(),
    startedAt: integer("started_at"),
    endedAt: integer("ended_at"),
    resourceChanges: text("resource_changes"),
    resourceCount: integer("resource_count"),
    /** R2 key of the deployment after this update; null for previews and until the update ends. */
    stateKey: text("state_key"),
    /** Null if the state includes the update's changes. */
    journalKept: text("journal_kept", { enum: keptJournals }),
  },
  (t) => [
    uniqueIndex("updates_version")
      .on(t.stackId, t.version)
      .where(sql`${t.dryRun} = 0 AND ${t.version} IS NOT NULL`),
    index("updates_state_key").on(t.stateKey),
    index("updates_started")
      .on(t.stackId, t.startedAt, t.id)
      .where(sql`${t.startedAt} IS NOT NULL`),
    index("updates_previews")
      .on(t.stackId, t.version, t.startedAt, t.id)
      .where(sql`${t.dryRun} = 1 AND ${t.startedAt} IS NOT NULL`),
    index("updates_token").on(t.tokenId, t.createdAt),
    index("updates_running")
      .on(t.tokenId)
      .where(sql`${t.status} = 'running'`),
    /** Updates that have not ended, for the sweeps. */
    index("updates_open")
      .on(t.createdAt)
      .where(sql`${t.endedAt} IS NULL`),
  ],
);

/** The position of each sweep of the cron. Its next run continues there. */
export const sweeps = sqliteTable("sweeps", {
  name: text("name").primaryKey(),
  cursor: text("cursor").notNull(),
});

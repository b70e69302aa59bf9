import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Promised events on their way to the queue, written in the same batch as the change that they tell of. */
export const auditOutbox = sqliteTable("audit_outbox", {
  seq: integer("seq").primaryKey({ autoIncrement: true }),
  id: text("id").notNull(),
  body: text("body").notNull(),
  createdAt: integer("created_at").notNull(),
});

/** The log. `at` is when it happened (milliseconds), not when it was written. */
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
    reqOrgAdmin: integer("req_org_admin", { mode: "boolean" }).notNull(),
    reqStackAdmin: integer("req_stack_admin", { mode: "boolean" }).notNull(),
    authFailure: integer("auth_failure", { mode: "boolean" }).notNull(),
  },
  (t) => [
    index("audit_events_org").on(t.orgId, t.at, t.id),
    index("audit_events_event").on(t.orgId, t.event, t.at, t.id),
    index("audit_events_user").on(t.orgId, t.userLogin, t.at, t.id),
    index("audit_events_token").on(t.orgId, t.tokenId, t.at, t.id),
  ],
);

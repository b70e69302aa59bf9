import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { AuditEvent } from "../../src/audit/record.ts";
import { eventually } from "./clock.ts";

/** The organizations of this test, without those of earlier tests. */
const OURS = "org_id IN (SELECT id FROM organizations)";

/**
 * Waits until every event that was ever promised has arrived in the log: the outbox numbers its rows and never reuses a number, so its
 * counter says how many there must be. This function only counts the events, because reading a long log each time would be slow.
 */
const settled = () =>
  eventually(async () => {
    const { promised, logged } = (await env.DB.prepare(
      `SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'audit_outbox') AS promised,
              (SELECT count(*) FROM audit_events WHERE ${OURS}) AS logged`,
    ).first<{ promised: number | null; logged: number }>())!;
    expect(logged, "events in the log").toBe(promised ?? 0);
  });

/** @param known ids of events to leave out, as JSON. @returns the others, oldest first */
async function eventsBut(known: string): Promise<AuditEvent[]> {
  const { results } = await env.DB.prepare(
    `SELECT * FROM audit_events WHERE ${OURS} AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY at, rowid`,
  )
    .bind(known)
    .all<Record<string, unknown>>();
  return results.map(toEvent);
}

/** The whole log, oldest first, when every event that was promised has arrived. */
export async function settledLog(): Promise<AuditEvent[]> {
  await settled();
  return eventsBut("[]");
}

/** What `work` adds to the log, and nothing else. */
export async function eventsOf(work: () => Promise<unknown>): Promise<AuditEvent[]> {
  await settled();
  const before = await env.DB.prepare(`SELECT json_group_array(id) AS ids FROM audit_events WHERE ${OURS}`).first<string>("ids");
  await work();
  await settled();
  return eventsBut(before!);
}

const toEvent = (row: Record<string, unknown>): AuditEvent => ({
  id: String(row["id"]),
  orgId: String(row["org_id"]),
  at: Number(row["at"]),
  event: String(row["event"]),
  description: String(row["description"]),
  sourceIp: String(row["source_ip"]),
  userLogin: String(row["user_login"]),
  userName: String(row["user_name"]),
  tokenId: String(row["token_id"]),
  tokenName: String(row["token_name"]),
  stack: String(row["stack"]),
  openedWith: String(row["opened_with"]),
  reqOrgAdmin: row["req_org_admin"] === 1,
  reqStackAdmin: row["req_stack_admin"] === 1,
  authFailure: row["auth_failure"] === 1,
});

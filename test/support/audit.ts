import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { AuditEvent } from "../../src/audit/record.ts";
import { eventually } from "./clock.ts";

/**
 * Waits until every event that was ever promised has arrived in the log: the outbox numbers its rows and never reuses
 * a number, so its counter says how many there must be. Late deliveries from the world of an earlier test do not count.
 * @returns the whole log, oldest first
 */
export const settledLog = () =>
  eventually(async () => {
    const promised = await env.DB.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'audit_outbox'").first<number>("seq");
    const { results } = await env.DB.prepare(
      "SELECT * FROM audit_events WHERE org_id IN (SELECT id FROM organizations) ORDER BY at, rowid",
    ).all<Record<string, unknown>>();
    expect(results).toHaveLength(promised ?? 0);
    return results.map(toEvent);
  });

/** What `work` adds to the log, and nothing else. */
export async function eventsOf(work: () => Promise<unknown>): Promise<AuditEvent[]> {
  const before = new Set((await settledLog()).map((event) => event.id));
  await work();
  return (await settledLog()).filter((event) => !before.has(event.id));
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

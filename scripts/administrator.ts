import { auditEvent } from "../src/audit/record.ts";
import { personSql, quoted } from "./identities.ts";

/** Lifetime of the token that `administratorSql` creates, in milliseconds: the shortest policy on expiry that an organization can have. */
const DAY = 86_400_000;

/**
 * SQL that adds a new person to an organization that exists, as an administrator who needs no single sign-on, with an event in its log. The
 * first statement fails if there is no such organization.
 */
export async function administratorSql(
  organization: string,
  login: string,
  peppers: string[],
  now: number,
): Promise<{ sql: string; token: string }> {
  const { sql, userId, token } = await personSql(login, "", peppers, now, now + DAY);
  const operator = { userLogin: organization, userName: "the operator of this deployment", tokenId: "", tokenName: "" };
  const event = auditEvent({ now, address: "" }, "", operator, {
    event: "member-added",
    description: `The operator of this deployment added ${login} as an administrator who needs no single sign-on.`,
  });
  const orgId = `(SELECT id FROM organizations WHERE lower(name) = lower(${quoted(organization)}))`;
  const body = `(SELECT json_set(${quoted(JSON.stringify(event))}, '$.orgId', id, '$.userLogin', name) FROM organizations WHERE id = ${orgId})`;
  const lines = [
    // The cron sends the event to the queue.
    `INSERT INTO audit_outbox (id, body, created_at) VALUES (${quoted(event.id)}, ${body}, ${now});`,
    sql,
    `INSERT INTO members (org_id, user_id, role, created_at, is_break_glass) VALUES (${orgId}, ${quoted(userId, "admin")}, ${now}, 1);`,
  ];
  return { sql: `${lines.join("\n")}\n`, token };
}

import { type SQL, sql } from "drizzle-orm";
import type { Actor } from "../context.ts";
import type { Store } from "../db/client.ts";
import { stackGrants } from "./table.ts";

/**
 * Statement that grants a new stack to its creator: to the person, to the organization token and its successors, or to the team of the team
 * token (docs/decisions/0014). @param stackId SQL for the id of the stack; null grants nothing
 */
export function creatorGrant(store: Store, { kind, token }: Actor, stackId: SQL, now: number) {
  const grantee = { user: sql`user_id`, organization: sql`coalesce(family_id, id)`, team: sql`team_id` }[kind];
  const granteeKind = kind === "organization" ? "token" : kind;
  return store.db.insert(stackGrants).select(sql`SELECT ${stackId}, ${granteeKind}, ${grantee}, 104, ${now} FROM access_tokens
    WHERE id = ${token.id} AND ${stackId} IS NOT NULL${kind === "team" ? sql` AND team_id IS NOT NULL` : sql``}`);
}

import { type SQL, sql } from "drizzle-orm";
import type { Actor } from "../context.ts";
import type { Store } from "../db/client.ts";
import { stackGrants } from "./table.ts";

/**
 * The creator's right on a new stack: of the person, of the line of the organization token, or of the team whose token it is
 * (docs/decisions/0014). @param stackId SQL for the id of the stack, null for none
 */
export function creatorGrant(store: Store, { kind, token }: Actor, stackId: SQL, now: number) {
  const grantee = {
    user: sql`'user', user_id`,
    organization: sql`'token', coalesce(family_id, id)`,
    team: sql`'team', team_id`,
  }[kind];
  return store.db.insert(stackGrants).select(sql`SELECT ${stackId}, ${grantee}, 104, ${now} FROM access_tokens
    WHERE id = ${token.id} AND ${stackId} IS NOT NULL${kind === "team" ? sql` AND team_id IS NOT NULL` : sql``}`);
}

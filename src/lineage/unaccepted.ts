import { type SQL, sql } from "drizzle-orm";
import { type AuditEvent, auditIf, describedBy } from "../audit/record.ts";
import { lineHasEnded } from "../auth/lives.ts";
import type { Store } from "../db/client.ts";
import { members } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { keepDescent } from "./end.ts";

/**
 * Statements after the one that deletes or disables machines' tokens: they remove the people whom the tokens or their predecessors added
 * and who have not accepted, and the event names them.
 * @param tokens the id of one, or a query of ids
 * @param event of the kind `member-removed`
 * @param ended SQL condition on the row `maker` of the token that added a person: it has ended. By default the rows of the tokens decide
 */
export function endUnaccepted(store: Store, tokens: string | SQL, now: number, event: AuditEvent, ended: SQL = lineHasEnded(now)) {
  const line = sql`SELECT id FROM access_tokens WHERE id IN (${tokens})
    OR family_id IN (SELECT family_id FROM access_tokens AS ended WHERE ended.id IN (${tokens}))`;
  const which: SQL = sql`members.made_with IN (${line}) AND members.accepted_at IS NULL
    AND EXISTS (SELECT 1 FROM access_tokens AS maker WHERE maker.id = members.made_with AND ${ended})`;
  const named = sql`'Removed ' || (SELECT group_concat(login, ', ') FROM (SELECT login FROM users JOIN members ON members.user_id = users.id WHERE ${which}
    ORDER BY login LIMIT 100)) || ', added by the ended token and not accepted yet.'`;
  return [
    store.db
      .select({ hash: accessTokens.hash })
      .from(accessTokens)
      .where(sql`${accessTokens.userId} IN (SELECT user_id FROM members WHERE ${which}) AND ${accessTokens.deletedAt} IS NULL`),
    auditIf(store, event, sql`EXISTS (SELECT 1 FROM members WHERE ${which})`, describedBy(event, named)),
    keepDescent(store, which, now),
    store.db.delete(members).where(which),
  ] as const;
}

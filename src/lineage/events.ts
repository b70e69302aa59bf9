import { type SQL, sql } from "drizzle-orm";
import { type AuditEvent, RELAY_AFTER } from "../audit/record.ts";
import { auditOutbox } from "../audit/table.ts";
import type { Store } from "../db/client.ts";
import { type Descent, withEnding } from "./ending.ts";
import type { EndedRow } from "./end.ts";

/** Maximum number of names in one event. The rest is counted. */
const MOST_NAMED = 100;

interface EndingEvent {
  /** Actor, time and address. The id, organization and description are replaced by those of each organization's own event. */
  event: AuditEvent;
  /** Organizations whose log gets an event even if nothing of theirs ends. Only these events name personal tokens and sessions. */
  orgIds: string[];
  /** SQL condition: the roots end in this batch. */
  rootsEnd: SQL;
  /** The sentence about the roots, without a full stop. */
  sentence: SQL;
  /** Text between that sentence and the names of what ended. */
  listing?: string;
  /** Sentences after the names. */
  more?: string;
}

/** The id of the event in one organization. */
const idIn = (event: AuditEvent, orgId: string) => `${event.id}:${orgId}`;

/**
 * The statement that records one event in each organization concerned, with names and ids of what ends there. It precedes the statements
 * that end it, in the same batch.
 */
export const auditEnding = (
  store: Store,
  descent: Descent,
  { event, orgIds, rootsEnd, sentence, listing = " and everything created with it: ", more = "" }: EndingEvent,
) =>
  store.db.insert(auditOutbox).select(sql`SELECT NULL, ${event.id} || ':' || place,
    json_set(${JSON.stringify(event)}, '$.id', ${event.id} || ':' || place, '$.orgId', place, '$.description',
      ${sentence} || coalesce(${listing} || list || rest, '') || '.' || kept || ${more}), ${event.at}, ${event.at + RELAY_AFTER}
    FROM (${withEnding(descent)},
      places(org_id, always) AS (SELECT value, 1 FROM json_each(${JSON.stringify(orgIds)})
        UNION SELECT org_id, 0 FROM ending WHERE org_id IS NOT NULL AND org_id NOT IN (SELECT value FROM json_each(${JSON.stringify(orgIds)}))),
      named(place, kind, label, n) AS (
        SELECT places.org_id, ending.kind, ${label}, row_number() OVER (PARTITION BY places.org_id ORDER BY ending.kind, ending.at, ending.id)
        FROM places CROSS JOIN ending ON ending.org_id = places.org_id OR ending.org_id IS NULL AND always WHERE ending.stays IS NULL)
      SELECT org_id AS place, always,
        (SELECT group_concat(label, ', ') FROM (SELECT label FROM named WHERE place = places.org_id AND n <= ${MOST_NAMED} ORDER BY n)) AS list,
        coalesce((SELECT ' and ' || group_concat(amount, ', ') FROM (SELECT count(*) || ' more ' || ${plural} AS amount FROM named
          WHERE place = places.org_id AND n > ${MOST_NAMED} GROUP BY kind ORDER BY kind)), '') AS rest,
        coalesce((SELECT ' The administrator ' || name || ' stays, because an organization needs one.' FROM ending
          WHERE stays = 'last administrator' AND ending.org_id = places.org_id), '')
        || coalesce((SELECT ' The emergency administrator ' || name || ' stays, because the organization requires single sign-on.' FROM ending
          WHERE stays = 'last emergency administrator' AND ending.org_id = places.org_id), '')
        || coalesce((SELECT ' Members who joined by it more than 30 days ago stay: ' || group_concat(name, ', ') || '.' FROM
          (SELECT name FROM ending WHERE stays = 'established' AND ending.org_id = places.org_id ORDER BY at, id LIMIT ${MOST_NAMED})), '') AS kept
      FROM places)
    WHERE list IS NOT NULL OR (always OR kept <> '') AND ${rootsEnd}`);

const label = sql.raw(`CASE ending.kind
  WHEN 'issuer' THEN 'identity provider "' || ending.name || '" (' || ending.id || ')'
  WHEN 'stream' THEN 'audit stream "' || ending.name || '" (' || ending.id || ')'
  WHEN 'connection' THEN 'connection "' || ending.name || '" (' || ending.id || ')'
  WHEN 'webhook' THEN 'webhook ' || ending.name || ' (' || ending.id || ')'
  WHEN 'invitation' THEN 'invitation ' || substr(ending.id, 1, 8) || '…'
  WHEN 'member' THEN 'member ' || ending.name
  WHEN 'session' THEN 'session (' || ending.id || ')'
  WHEN 'personal' THEN 'personal token (' || ending.id || ')'
  ELSE ending.kind || ' token "' || ending.name || '" (' || ending.id || ')' END`);

const plural = sql.raw(
  `CASE WHEN kind IN ('organization', 'team', 'personal', 'scim') THEN kind || ' tokens' WHEN kind = 'issuer' THEN 'identity providers'
    WHEN kind = 'stream' THEN 'audit streams' ELSE kind || 's' END`,
);

/** Events that `auditEnding` may have recorded; they are sent to the queue. */
export const promisedEnding = ({ event, orgIds }: Pick<EndingEvent, "event" | "orgIds">, rows: EndedRow[]): AuditEvent[] =>
  [...new Set([...orgIds, ...rows.flatMap(({ orgId }) => orgId ?? [])])].map((orgId) => ({ ...event, id: idIn(event, orgId), orgId }));

import { type SQL, sql } from "drizzle-orm";
import type { AuditEvent } from "./record.ts";

/** SQL: the kind of an update in a sentence, from the row named `updates`. */
export const whatItIs = sql`CASE WHEN updates.dry_run THEN 'a preview' WHEN updates.kind = 'update' THEN 'an update'
  ELSE 'a ' || updates.kind END`;

/**
 * The body of an event about an update's stack, in the name of the user who started the update. Only the database knows the user and the
 * stack.
 * @param updateId id of the update, as SQL
 * @param happened begins the description: "… an update of stack …"
 * @param because sentences that end the description
 */
export const onBehalf = (
  event: AuditEvent,
  updateId: SQL,
  happened: string,
  because = "",
): SQL => sql`(SELECT json_set(${JSON.stringify(event)},
  '$.orgId', stacks.org_id, '$.stack', stacks.project || '/' || stacks.name,
  '$.userLogin', requested_by, '$.userName', coalesce((SELECT name FROM users WHERE token_name = '' AND lower(login) = lower(requested_by)), requested_by),
  '$.tokenId', token_id, '$.tokenName', token_name,
  '$.description', ${`${happened} `} || ${whatItIs} || ' of stack "' || (SELECT name FROM organizations WHERE id = stacks.org_id)
    || '/' || stacks.project || '/' || stacks.name || '" (' || updates.id || ').' || ${because})
  FROM updates JOIN stacks ON stacks.id = updates.stack_id WHERE updates.id = ${updateId})`;

export const nobody = { userLogin: "", userName: "", tokenId: "", tokenName: "" };

import { sql } from "drizzle-orm";

/**
 * SQL condition on a row of `access_tokens`, false for a session whose personal token was deleted or disabled: the end of a leaked token
 * must end the sessions that it opened. The expiry of the token does not end the session, which has an expiry of its own.
 */
export const sessionOpenerIsValid = sql`(access_tokens.kind <> 'session' OR access_tokens.made_with IS NULL OR EXISTS (SELECT 1 FROM access_tokens AS opener
  WHERE opener.id = access_tokens.made_with AND opener.deleted_at IS NULL AND opener.disabled_at IS NULL))`;

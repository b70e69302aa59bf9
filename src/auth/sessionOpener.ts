import { sql } from "drizzle-orm";

/**
 * True of a row of `access_tokens` unless it is a session whose personal token was deleted or disabled: who ends a token that got
 * out ends what was opened with it. An expiry ends no session; that has an end of its own.
 */
export const sessionOpenerIsValid = sql`(access_tokens.kind <> 'session' OR access_tokens.made_with IS NULL OR EXISTS (SELECT 1 FROM access_tokens AS opener
  WHERE opener.id = access_tokens.made_with AND opener.deleted_at IS NULL AND opener.disabled_at IS NULL))`;

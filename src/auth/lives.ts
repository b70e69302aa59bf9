import { type SQL, sql } from "drizzle-orm";

/**
 * SQL condition on a row of `access_tokens`: the token is not expired and, if it was rotated, its overlap is not over. @param at
 * milliseconds since 1970
 */
export const notOver = (at: number): SQL =>
  sql`((access_tokens.expires_at IS NULL OR access_tokens.expires_at > ${at}) AND (access_tokens.retires_at IS NULL OR access_tokens.retires_at > ${at}))`;

/** SQL condition: the token is valid, so it is not deleted or disabled either. */
export const lives = (at: number): SQL => sql`(access_tokens.deleted_at IS NULL AND access_tokens.disabled_at IS NULL AND ${notOver(at)})`;

/**
 * SQL condition on a row `maker` of `access_tokens`: what this machine's token has sent or added must not be accepted any more. The token was
 * deleted or disabled, or no token of its line of rotations is valid.
 * @param ending a query of the ids of tokens that count as deleted. A dry run needs it, because it does not delete them
 */
export const lineHasEnded = (now: number, ending: SQL = sql`SELECT NULL WHERE 0`): SQL =>
  sql`(maker.deleted_at IS NOT NULL OR maker.disabled_at IS NOT NULL OR maker.id IN (${ending})
  OR NOT EXISTS (SELECT 1 FROM access_tokens WHERE (access_tokens.id = maker.id OR access_tokens.family_id = maker.family_id) AND ${lives(now)}
    AND access_tokens.id NOT IN (${ending})))`;

/** SQL condition on a row of `access_tokens`: the token was found in public, or descends from such a token. */
export const isLeaked: SQL = sql`(coalesce(access_tokens.disabled_reason, '') IN ('leaked', 'maker-leaked'))`;

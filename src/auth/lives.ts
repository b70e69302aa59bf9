import { type SQL, and, gt, isNull, or, sql } from "drizzle-orm";
import { accessTokens } from "../tokens/table.ts";

/** True of a row of `access_tokens` whose time is not over: neither expired nor rotated and past its overlap. @param at milliseconds since 1970 */
export const notOver = (at: number): SQL =>
  and(
    or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, at)),
    or(isNull(accessTokens.retiresAt), gt(accessTokens.retiresAt, at)),
  )!;

/** The same of a token that nobody has ended before its time either, by deletion or by disabling. */
export const lives = (at: number): SQL => and(isNull(accessTokens.deletedAt), isNull(accessTokens.disabledAt), notOver(at))!;

/** True of a row of `access_tokens` whose value was found in the open, or that descends from such a token. */
export const isLeaked: SQL = sql`(coalesce(access_tokens.disabled_reason, '') IN ('leaked', 'maker-leaked'))`;

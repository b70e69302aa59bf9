import { type SQL, sql } from "drizzle-orm";

/** SQL condition on a row of `members`: the token has access to that organization, see `barredTokens`. @param tokenId SQL for its id */
export const isOpenTo = (tokenId: SQL): SQL =>
  sql`NOT EXISTS (SELECT 1 FROM barred_tokens WHERE barred_tokens.token_id = ${tokenId} AND barred_tokens.org_id = members.org_id)`;

import { sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";

/** Number of tokens that a search looks at, newest first. */
const LOOKED_AT = 10_000;

/**
 * The organization's tokens whose name, display name or description contains a text, in upper or lower case, newest first. @param most of
 * them
 */
export async function searchTokens(ctx: OrgContext, text: string, most: number) {
  const some = sql`(SELECT id, name, display_name, description FROM access_tokens WHERE org_id = ${ctx.org.id} AND kind = 'organization'
    AND deleted_at IS NULL AND issuer_id IS NULL ORDER BY created_at DESC, id DESC LIMIT ${sql.raw(String(LOOKED_AT))}) AS some`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        id: sql<string>`some.id`.as("token_id"),
        name: sql<string>`some.name`.as("token_name"),
        description: sql<string>`substr(some.description, 1, 300)`.as("token_description"),
      })
      .from(some)
      .where(sql`instr(lower(some.name || ' ' || some.display_name || ' ' || some.description), lower(${text})) > 0`)
      .limit(most),
  ]);
  return rows;
}

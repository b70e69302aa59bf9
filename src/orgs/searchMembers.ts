import { sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";

/** Number of members that a search looks at, oldest first. */
const LOOKED_AT = 10_000;

/** The members whose login or name contains a text; upper and lower case are equal. @param most of them */
export async function searchMembers(ctx: OrgContext, text: string, most: number) {
  const some = sql`(SELECT user_id FROM members WHERE org_id = ${ctx.org.id} ORDER BY created_at, user_id LIMIT ${sql.raw(String(LOOKED_AT))}) AS some
    CROSS JOIN users ON users.id = some.user_id`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ login: sql<string>`users.login`.as("login"), name: sql<string>`substr(users.name, 1, 300)`.as("person_name") })
      .from(some)
      .where(sql`instr(lower(users.login || ' ' || users.name), lower(${text})) > 0`)
      .limit(most),
  ]);
  return rows;
}

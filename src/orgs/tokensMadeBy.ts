import { and, asc, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import type { OrgContext } from "../context.ts";
import { accessTokens } from "../tokens/table.ts";
import { madeBy, thingsSetUpBy } from "./removeMember.ts";

/** The valid organization tokens that a person's credentials created, by name, and what else keeps working that they set up. @param most maximum number of names */
export async function tokensMadeBy(ctx: OrgContext, login: string, most: number) {
  const { db } = ctx.store;
  const which = and(madeBy(ctx, login), lives(ctx.now));
  const [total, tokens, setUp] = await guarded(ctx, [
    db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(accessTokens)
      .where(which),
    db.select({ id: accessTokens.id, name: accessTokens.name }).from(accessTokens).where(which).orderBy(asc(accessTokens.name)).limit(most),
    db
      .select({ what: sql<string>`what`.as("what"), name: sql<string>`name`.as("name") })
      .from(thingsSetUpBy(ctx, login))
      .limit(most),
  ]);
  return { total: total[0]?.total ?? 0, tokens, setUp };
}

import { and, desc, eq, gte, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { users } from "../users/table.ts";
import { members } from "./table.ts";

const DAY = 86_400_000;
/** Number of people in the list. */
const LISTED = 6;

/** The people who became members within some days, newest first. */
export async function newMembers(ctx: OrgContext, days: number) {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        login: users.login,
        name: users.name,
        role: members.role,
        acceptedAt: members.acceptedAt,
        joined: sql<number>`${members.createdAt}`.as("joined"),
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.orgId, ctx.org.id), gte(members.createdAt, ctx.now - days * DAY)))
      .orderBy(desc(members.createdAt), desc(members.userId))
      .limit(LISTED + 1),
  ]);
  return { shown: rows.slice(0, LISTED), more: rows.length > LISTED };
}

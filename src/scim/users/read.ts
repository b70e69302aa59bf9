import { and, eq, isNull, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { noResource } from "../fault.ts";
import { scimUsers } from "../table.ts";

export type StoredUser = typeof scimUsers.$inferSelect;

/** SQL condition: the row is a user of the organization that is not deleted. */
export const isHere = (ctx: OrgContext) => and(eq(scimUsers.orgId, ctx.org.id), isNull(scimUsers.deletedAt));

/** Reads a user. @throws 404 */
export async function readUser(ctx: OrgContext, id: string): Promise<StoredUser> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select()
      .from(scimUsers)
      .where(and(eq(scimUsers.id, id), isHere(ctx))),
  ]);
  const row = rows[0];
  if (!row) throw noResource("user", id);
  return row;
}

/** SQL condition: the user has the version that was read. */
export const isUnchanged = ({ id, version }: StoredUser) =>
  sql`EXISTS (SELECT 1 FROM scim_users WHERE id = ${id} AND version = ${version} AND deleted_at IS NULL)`;

import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type AppError, conflict } from "../errors.ts";
import { accessTokens } from "./table.ts";

/** The query of the token with that name, even if it was deleted; upper and lower case are equal. */
export const tokenNamed = ({ org, store }: OrgContext, name: string) =>
  store.db
    .select({ id: accessTokens.id, name: accessTokens.name, deletedAt: accessTokens.deletedAt })
    .from(accessTokens)
    .where(and(eq(accessTokens.orgId, org.id), sql`lower(${accessTokens.name}) = lower(${name})`));

/** The 409 for a token name that the unique index refused. A deleted token keeps its name and is in no list, so the message names it. */
export async function nameTaken(ctx: OrgContext, name: string): Promise<AppError> {
  const [rows] = await guarded(ctx, [tokenNamed(ctx, name)]);
  const [holder] = rows;
  if (!holder || holder.deletedAt === null) return conflict("token name already exists");
  const day = new Date(holder.deletedAt).toISOString().slice(0, 10);
  return conflict(
    `token name already exists: the token '${holder.name}', which was deleted on ${day}, keeps it. Names of deleted tokens stay reserved, so that a name in the audit log always means one token. Choose another name, or set displayName, which may repeat.`,
  );
}

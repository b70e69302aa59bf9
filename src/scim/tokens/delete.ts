import { and, eq, sql } from "drizzle-orm";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { forgetIdentities } from "../../auth/resolve.ts";
import type { OrgContext } from "../../context.ts";
import { notFound } from "../../errors.ts";
import { accessTokens } from "../../tokens/table.ts";
import { isScimToken } from "./list.ts";

/** Deletes a SCIM token. After the answer no change with it is accepted. The people and groups that it made stay. @throws 404 */
export async function deleteScimToken(ctx: OrgContext, id: string): Promise<void> {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "scim-token-deleted", description: "" });
  const named = sql`(SELECT 'Deleted SCIM token "' || name || '" (' || id || ').' FROM access_tokens WHERE id = ${id})`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .update(accessTokens)
      .set({ deletedAt: ctx.now })
      .where(and(eq(accessTokens.id, id), isScimToken(ctx)))
      .returning({ hash: accessTokens.hash }),
    auditIf(ctx.store, event, changedARow, describedBy(event, named)),
  ]);
  const row = rows[0];
  if (!row) throw notFound("SCIM token");
  await forgetIdentities(ctx.env.TOKEN_CACHE, [row.hash]);
  relaySoon(ctx, event);
}

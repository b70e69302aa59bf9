import { eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { afterSessions, endSessions } from "./endSessions.ts";
import { readIssuer, thatIssuer } from "./issuer.ts";
import { oidcIssuers, usedTokenIds } from "./table.ts";

/**
 * Deletes an issuer. After the answer none of its tokens is exchanged any more. Exchanged tokens end too, unless its settings keep them.
 */
export async function deleteIssuer(ctx: OrgContext, id: string): Promise<void> {
  const { name, url, endsSessions } = await readIssuer(ctx, id);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "oidc-issuer-deleted",
    description: `Deleted the identity provider "${name}" (${id}) of ${url}${endsSessions ? ", and ended its exchanged tokens" : ""}.`,
  });
  const { statements, removal } = endSessions(ctx, id, endsSessions ? undefined : sql`0`);
  const { db } = ctx.store;
  const [, , , tokens, , lost] = await guarded(ctx, [
    db.delete(oidcIssuers).where(thatIssuer(ctx, id)),
    auditIf(ctx.store, event, changedARow),
    db.delete(usedTokenIds).where(eq(usedTokenIds.issuerId, id)),
    ...statements,
  ]);
  await afterSessions(ctx, tokens, lost);
  relaySoon(ctx, event, removal);
}

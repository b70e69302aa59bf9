import { and, eq, inArray, sql } from "drizzle-orm";
import { lives } from "../auth/lives.ts";
import type { EndedTokens, RequestContext } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { members, organizations } from "../orgs/table.ts";
import { coordinatorName } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { coordinatorAt } from "./call.ts";
import type { Run } from "./runs.ts";
import { updates } from "./table.ts";
import { logError } from "../log.ts";

/**
 * Tells running updates that the tokens which started them have ended, where their organization wants them to end too: from then on
 * their objects take no write and renew no lease. One that cannot be reached now learns it at its next renewal, within five
 * minutes.
 */
export async function abortUpdates(ctx: Pick<RequestContext, "env" | "store">, { tokenIds, orgId }: EndedTokens): Promise<void> {
  if (tokenIds.length === 0) return;
  const [running] = await batch(ctx.store, [
    ctx.store.db
      .select({
        updateId: sql<string>`${updates.id}`.as("update_id"),
        orgId: stacks.orgId,
        projectName: stacks.project,
        stackName: stacks.name,
      })
      .from(updates)
      .innerJoin(stacks, eq(stacks.id, updates.stackId))
      .where(
        and(
          inArray(updates.tokenId, sql`(SELECT value FROM json_each(${JSON.stringify(tokenIds)}))`),
          eq(updates.status, "running"),
          orgId === undefined ? undefined : eq(stacks.orgId, orgId),
          sql`${stacks.orgId} IN (SELECT id FROM ${organizations} WHERE ${eq(organizations.inFlightRevocation, "abort")})`,
        ),
      ),
  ]);
  const told = running.map((row) => coordinatorAt(ctx.env, coordinatorName(row.orgId, row)).abort(row.updateId));
  for (const result of await Promise.allSettled(told))
    if (result.status === "rejected") logError("a running update was not told of its token's end", result.reason);
}

/**
 * Whether a run has to end because its token has: by deletion, expiry, rotation or disabling, or because its person has left. Asked at each
 * renewal. A database that does not answer ends no update.
 */
export async function mustAbort(store: Store, run: Run, now: number): Promise<boolean> {
  const good = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${accessTokens.id} = ${run.who.tokenId} AND ${lives(now)}
    AND (${accessTokens.userId} IS NULL OR EXISTS (SELECT 1 FROM ${members} WHERE ${members.orgId} = ${run.orgId}
      AND ${members.userId} = ${accessTokens.userId})))`;
  try {
    const [rows] = await batch(store, [
      store.db
        .select({ id: organizations.id })
        .from(organizations)
        .where(and(eq(organizations.id, run.orgId), eq(organizations.inFlightRevocation, "abort"), sql`NOT ${good}`)),
    ]);
    return rows.length > 0;
  } catch (error) {
    logError("a lease was renewed without a look at its token", error, { updateId: run.updateId });
    return false;
  }
}

/** For the event of a run's end: what became of its token meanwhile, as SQL for a sentence or "". */
export const fateOfToken = (run: Run, endedAt: number) => sql<string>`coalesce((SELECT CASE
    WHEN deleted_at IS NOT NULL THEN ' Its token was deleted meanwhile.'
    WHEN disabled_at IS NOT NULL THEN ' Its token was disabled meanwhile.'
    WHEN retires_at <= ${endedAt} THEN ' Its token was rotated meanwhile.'
    WHEN expires_at <= ${endedAt} THEN ' Its token expired meanwhile.'
    WHEN user_id IS NOT NULL AND user_id NOT IN (SELECT user_id FROM members WHERE org_id = ${run.orgId})
      THEN ' Its person left the organization meanwhile.'
  END FROM access_tokens WHERE id = ${run.who.tokenId}), '')`;

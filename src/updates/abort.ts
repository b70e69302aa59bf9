import { and, eq, inArray, sql } from "drizzle-orm";
import type { EndedTokens, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { coordinatorName } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { coordinatorAt } from "../coordinator/client.ts";
import { updates } from "./table.ts";
import { logError } from "../log.ts";

/**
 * Aborts the running updates of tokens that have ended, if the organization's setting is to abort. For leaked tokens it ignores the
 * setting. Afterwards the objects of these updates refuse writes and renewals. An object that cannot be reached aborts the update at the
 * next renewal, within five minutes.
 */
export async function abortUpdates(ctx: Pick<RequestContext, "env" | "store">, { tokenIds, orgId, leaked }: EndedTokens): Promise<void> {
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
          leaked
            ? undefined
            : sql`${stacks.orgId} IN (SELECT id FROM ${organizations} WHERE ${eq(organizations.inFlightRevocation, "abort")})`,
        ),
      ),
  ]);
  const aborts = running.map((row) =>
    coordinatorAt(ctx.env, coordinatorName(row.orgId, row)).abort(row.updateId, leaked ? "leak" : "token"),
  );
  for (const result of await Promise.allSettled(aborts))
    if (result.status === "rejected") logError("a running update was not notified of its token's end", result.reason);
}

import { type SQL, and, eq, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { isLeaked } from "./lives.ts";
import type { StackRef } from "./policy.ts";

/** A stack and its organization, as named in a path. */
export interface StackNames extends StackRef {
  orgName: string;
}

/**
 * Where an organization has the setting `drain`, the running update of a deleted token may finish. The CLI encrypts with its API token even
 * then (cli-protocol §1.3), and the remaining writes may contain a secret. So the token may still encrypt, and nothing else, on the stack
 * where its update runs. A token that was found in public is excluded, because a leak report ends its update.
 */
export const drains = (tokenId: string, stack: StackNames): SQL =>
  sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${and(
    eq(updates.tokenId, tokenId),
    sql`NOT EXISTS (SELECT 1 FROM ${accessTokens} WHERE id = ${tokenId} AND ${isLeaked})`,
    eq(updates.status, "running"),
    eq(updates.dryRun, false),
    sql`${updates.id} IN (SELECT running_update FROM ${stacks} WHERE lower(project) = lower(${stack.projectName})
    AND lower(name) = lower(${stack.stackName}) AND org_id = (SELECT id FROM ${organizations} WHERE name = ${stack.orgName} AND in_flight_revocation = 'drain'))`,
  )})`;

export async function isDraining(ctx: RequestContext, tokenId: string, stack: StackNames): Promise<boolean> {
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({ draining: sql<number>`${drains(tokenId, stack)}`.as("draining") })
      .from(organizations)
      .where(eq(organizations.name, stack.orgName)),
  ]);
  return rows[0]?.draining === 1;
}

import { type SQL, and, eq, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { isLeaked } from "./lives.ts";
import type { StackRef } from "./policy.ts";

/** A stack with its organization, as a path names them. */
export interface StackNames extends StackRef {
  orgName: string;
}

/**
 * Where an organization drains, a deleted token's running update may finish, and the CLI encrypts under its API token even then (cli-protocol §1.3): what it
 * still has to write may hold a secret. So encryption, and nothing else, stays open to a token on the very stack where an
 * update runs that it started. A leak report ends that update, so a token that was found in the open is excluded.
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

import { and, desc, eq, gte, sql } from "drizzle-orm";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";
import { seconds, visibleColumns } from "./accessToken.ts";
import type { TokenImpact } from "./operations.ts";
import { thatToken } from "./get.ts";
import { accessTokens } from "./table.ts";

const DAYS = 90;
/** Most stacks and updates that are named. */
const MOST = 1000;

/** Asked before a deletion, so that nobody is surprised by it. */
export async function getTokenImpact(ctx: OrgContext, id: string): Promise<TokenImpact> {
  const { db } = ctx.store;
  const [, tokens, written, running] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db.select(visibleColumns).from(accessTokens).where(thatToken(ctx, id)),
    db
      .select({
        projectName: stacks.project,
        stackName: stacks.name,
        updates: sql<number>`count(*)`.as("updates_made"),
        lastUpdate: sql<number>`max(${updates.createdAt})`.as("last_update"),
      })
      .from(updates)
      .innerJoin(stacks, eq(stacks.id, updates.stackId))
      .where(
        and(
          eq(stacks.orgId, ctx.org.id),
          eq(updates.tokenId, id),
          eq(updates.dryRun, false),
          sql`${updates.version} IS NOT NULL`,
          gte(updates.createdAt, ctx.now - DAYS * 86_400_000),
        ),
      )
      .groupBy(stacks.id)
      .orderBy(desc(sql`last_update`))
      .limit(MOST),
    db
      .select({
        projectName: stacks.project,
        stackName: stacks.name,
        updateID: sql<string>`${updates.id}`.as("update_id"),
        kind: updates.kind,
        startedAt: updates.startedAt,
      })
      .from(updates)
      .innerJoin(stacks, eq(stacks.id, updates.stackId))
      .where(and(eq(stacks.orgId, ctx.org.id), eq(updates.tokenId, id), eq(updates.status, "running")))
      .orderBy(updates.startedAt)
      .limit(MOST),
  ]);
  const token = tokens[0];
  if (!token) throw notFound("Token");
  return {
    lastUsed: seconds(token.lastUsedAt),
    lastUsedIP: token.lastUsedAddress,
    lastUsedCountry: token.lastUsedCountry,
    lastUsedBy: token.lastUsedClient,
    stacks: written.map((row) => ({ ...row, lastUpdate: seconds(row.lastUpdate) })),
    runningUpdates: running.map(({ startedAt, ...row }) => ({ ...row, started: seconds(startedAt) })),
  };
}

import { type SQL, and, desc, eq, gte, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { guard, guardMemberships, guarded, guardsOf } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import { visibleHere, visibleTo } from "../auth/visible.ts";
import type { ActorContext, OrgContext, PersonContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { administeredBy } from "../lineage/below.ts";
import { readTree, toTree } from "../lineage/tree.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";
import { seconds, visibleColumns } from "./accessToken.ts";
import type { TokenImpact } from "./openapi.ts";
import { thatToken, withPredecessors } from "./get.ts";
import { ownedByCaller, theOrganization } from "./owner.ts";
import { accessTokens } from "./table.ts";

const DAYS = 90;
/** Maximum number of stacks and updates that are named. */
const MOST_NAMED = 1000;

/** The stacks and updates that use a token. The console shows them before a deletion. */
export const getTokenImpact = (ctx: OrgContext, id: string, owner = theOrganization) =>
  impactOf(ctx, id, thatToken(ctx, id, owner), guardsOf(ctx), {
    orgs: [ctx.org],
    visible: visibleHere(ctx),
    adminOf: [ctx.org.id],
  });

/** The stacks that a token changed in the last 90 days, the latest first. */
export async function getTokenStacks(ctx: OrgContext, id: string): Promise<TokenImpact["stacks"]> {
  const [found] = await guarded(ctx, [changedStacks(ctx, id, [ctx.org], visibleHere(ctx))]);
  return found.map(({ projectName, stackName, updates: count, lastUpdate }) => ({
    orgName: ctx.org.name,
    projectName,
    stackName,
    updates: count,
    lastUpdate: seconds(lastUpdate),
  }));
}

/** The use of one of the caller's own tokens or sessions, in the organizations whose stacks the caller may list. */
export function getPersonalImpact(ctx: PersonContext, id: string, kind: "personal" | "session" = "personal") {
  const { actor, store } = ctx;
  const one = and(eq(accessTokens.id, id), ownedByCaller(actor, kind))!;
  return impactOf(ctx, id, one, [guard(store, actor, ctx.now), guardMemberships(store, actor)], {
    orgs: actor.memberships.map(({ org }) => org),
    visible: visibleTo(ctx),
    adminOf: administeredBy(actor),
  });
}

/**
 * The parts of the database that the answer may show: the organizations, the stacks that the caller may know, and the organizations whose
 * tokens it may name.
 */
interface Scope {
  orgs: { id: string; name: string }[];
  visible: SQL | undefined;
  adminOf: string[];
}

type Results<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

async function impactOf(
  ctx: ActorContext,
  id: string,
  one: SQL,
  guards: [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]],
  { orgs, visible, adminOf }: Scope,
): Promise<TokenImpact> {
  const { store, actor, now } = ctx;
  const statements = [
    store.db.select(visibleColumns).from(accessTokens).where(one),
    changedStacks(ctx, id, orgs, visible),
    runningUpdates(ctx, id, orgs, visible),
    successors(ctx, one),
    ...readTree(store, { roots: one, line: withPredecessors(one), now, adminOf }),
  ] as const;
  const results = await batch(store, [...guards, ...statements]);
  const [tokens, changed, running, next, tree, totals] = results.slice(guards.length) as unknown as Results<typeof statements>;
  const token = tokens[0];
  if (!token) throw notFound("Token");
  const own = new Set(actor.kind === "user" ? actor.memberships.map(({ org }) => org.id) : [actor.org.id]);
  const nameOf = new Map(orgs.map((org) => [org.id, org.name]));
  const inOrg = ({ orgId }: { orgId: string }) => ({ orgName: nameOf.get(orgId) ?? "" });
  return {
    lastUsed: seconds(token.lastUsedAt),
    lastUsedIP: token.lastUsedAddress,
    lastUsedCountry: token.lastUsedCountry,
    lastUsedBy: token.lastUsedClient,
    stacks: changed.map(({ orgId, lastUpdate, ...row }) => ({ ...inOrg({ orgId }), ...row, lastUpdate: seconds(lastUpdate) })),
    runningUpdates: running.map(({ orgId, startedAt, ...row }) => ({ ...inOrg({ orgId }), ...row, started: seconds(startedAt) })),
    successors: next.map(({ expiresAt, ...row }) => ({ ...row, expires: seconds(expiresAt) })),
    created: {
      total: totals[0]?.total ?? 0,
      items: toTree(
        tree.filter(({ orgId }) => orgId === null || own.has(orgId)),
        id,
      ).map(({ depth, kind, id: itemId, name, orgName, ends }) => ({
        depth,
        kind: kind === "former" ? "member" : kind,
        ...(kind !== "member" && kind !== "former" && { id: itemId }),
        ...(name !== "" && { name }),
        ...(orgName !== null && { organization: orgName }),
        ends,
      })),
    },
  };
}

const within = (orgs: { id: string }[]) =>
  sql`${stacks.orgId} IN (SELECT value FROM json_each(${JSON.stringify(orgs.map((org) => org.id))}))`;

const changedStacks = (ctx: ActorContext, id: string, orgs: { id: string }[], visible: SQL | undefined) =>
  ctx.store.db
    .select({
      orgId: sql<string>`${stacks.orgId}`.as("organization_id"),
      projectName: stacks.project,
      stackName: stacks.name,
      updates: sql<number>`count(*)`.as("updates_made"),
      lastUpdate: sql<number>`max(${updates.createdAt})`.as("last_update"),
    })
    .from(updates)
    .innerJoin(stacks, eq(stacks.id, updates.stackId))
    .where(
      and(
        within(orgs),
        visible,
        eq(updates.tokenId, id),
        eq(updates.dryRun, false),
        sql`${updates.version} IS NOT NULL`,
        gte(updates.createdAt, ctx.now - DAYS * 86_400_000),
      ),
    )
    .groupBy(stacks.id)
    .orderBy(desc(sql`last_update`))
    .limit(MOST_NAMED);

const runningUpdates = (ctx: ActorContext, id: string, orgs: { id: string }[], visible: SQL | undefined) =>
  ctx.store.db
    .select({
      orgId: sql<string>`${stacks.orgId}`.as("organization_id"),
      projectName: stacks.project,
      stackName: stacks.name,
      updateID: sql<string>`${updates.id}`.as("update_id"),
      kind: updates.kind,
      startedAt: updates.startedAt,
    })
    .from(updates)
    .innerJoin(stacks, eq(stacks.id, updates.stackId))
    .where(and(within(orgs), visible, eq(updates.tokenId, id), eq(updates.status, "running")))
    .orderBy(updates.startedAt)
    .limit(MOST_NAMED);

/** The later tokens of the same family that are valid: they stay valid when this token ends. */
const successors = (ctx: ActorContext, one: SQL) =>
  ctx.store.db
    .select({ id: accessTokens.id, name: accessTokens.name, expiresAt: accessTokens.expiresAt })
    .from(accessTokens)
    .where(
      and(
        sql`${accessTokens.id} IN (WITH RECURSIVE line(id) AS (
          SELECT successor_id FROM access_tokens WHERE ${one}
          UNION SELECT next.successor_id FROM line CROSS JOIN access_tokens AS next ON next.id = line.id) SELECT id FROM line)`,
        lives(ctx.now),
      ),
    )
    .orderBy(accessTokens.createdAt)
    .limit(MOST_NAMED);

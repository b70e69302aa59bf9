import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guard, guardMemberships } from "../auth/guard.ts";
import { mayAs, refusingOrgs } from "../auth/policy.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { Actor, ActorContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { badRequest } from "../errors.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { organizations } from "../orgs/table.ts";
import type { ListUserStacksQuery } from "./schema.ts";
import { stackTags, stacks } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.string(), z.string(), z.string()]);

/**
 * Stacks that the caller may see, by organization, project and name. An organization that the caller is not in has
 * none, like one that does not exist.
 */
export async function listUserStacks(ctx: ActorContext, query: z.infer<typeof ListUserStacksQuery>) {
  const { actor } = ctx;
  if (query.tagValue !== undefined && !query.tagName) throw badRequest("tagValue needs a tagName");
  const size = query.maxResults ?? PAGE_SIZE;
  const after = fromCursor(query.continuationToken, Key);
  const [org, project, name] = after ?? ["", "", ""];
  const named = query.organization
    ? sql`AND organizations.id = (SELECT id FROM organizations WHERE lower(name) = lower(${query.organization}) AND name = ${query.organization})`
    : sql``;
  // What is asked of an organization's id stands inside of the list of ids: beside it, all of its stacks would be read first.
  const mine = (place: SQL) =>
    actor.kind === "user"
      ? sql`IN (SELECT org_id FROM members JOIN organizations ON organizations.id = org_id WHERE user_id = ${actor.user.id}
          AND (role = 'admin' OR role = 'member' AND default_stack_permission > 0) AND org_id ${place} ${named})`
      : sql`IN (SELECT id FROM organizations WHERE id = ${actor.org.id} AND id ${place} ${named}
          AND ${mayAs(actor, "stack:list") ? 1 : 0})`;
  const tagged = sql`EXISTS (SELECT 1 FROM ${stackTags} WHERE ${stackTags.stackId} = ${stacks.id} AND ${stackTags.name} = ${query.tagName ?? ""} ${
    query.tagValue === undefined ? sql`` : sql`AND ${stackTags.value} = ${query.tagValue}`
  })`;
  const select = (place: SQL) =>
    ctx.store.db
      .select({
        id: stacks.id,
        orgId: stacks.orgId,
        project: stacks.project,
        name: stacks.name,
        lastUpdateAt: stacks.lastUpdateAt,
        runningUpdate: stacks.runningUpdate,
        resourceCount: stacks.resourceCount,
      })
      .from(stacks)
      .where(
        and(
          isNull(stacks.deletedAt),
          place,
          sql`${stacks.orgId} NOT IN (SELECT value FROM json_each(${JSON.stringify(refusingOrgs(actor, ctx))}))`,
          isVisible(actor.limits.stackRules, sql`${stacks.project}`, sql`${stacks.name}`),
          query.project ? sql`${stacks.project} IN ${spellingsOf(actor, query.project)}` : undefined,
          query.tagName ? tagged : undefined,
          query.search ? sql`instr(lower(${stacks.project} || '/' || ${stacks.name}), lower(${query.search})) > 0` : undefined,
        ),
      )
      .orderBy(stacks.orgId, stacks.project, stacks.name)
      .limit(size + 1);

  // What is left of the cursor's organization, then the organizations after it: each a walk along the index.
  const rest = sql`${stacks.orgId} = ${org} AND +${stacks.orgId} ${mine(sql`= ${org}`)} AND (${stacks.project}, ${stacks.name}) > (${project}, ${name})`;
  const [, , begun, others, places] = await batch(ctx.store, [
    guard(ctx.store, actor, ctx.now),
    guardMemberships(ctx.store, actor),
    select(after ? rest : sql`0`),
    select(sql`${stacks.orgId} ${mine(sql`> ${org}`)}`),
    // Beside the page: within it each name would be one more row to read.
    ctx.store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .where(
        actor.kind === "user"
          ? sql`${organizations.id} IN (SELECT org_id FROM members WHERE user_id = ${actor.user.id})`
          : eq(organizations.id, actor.org.id),
      ),
  ]);
  const nameOf = new Map(places.map((place) => [place.id, place.name]));
  const rows = [...begun, ...others];
  const { items, continuationToken } = page(rows, size, (row) => [row.orgId, row.project, row.name]);
  return {
    stacks: items.map((row) => ({
      id: row.id,
      orgName: nameOf.get(row.orgId) ?? "",
      projectName: row.project,
      stackName: row.name,
      ...lastUpdate(row.runningUpdate !== null, row.lastUpdateAt),
      ...(row.resourceCount !== null && { resourceCount: row.resourceCount }),
    })),
    continuationToken,
  };
}

/** The names of a project in any case, found along the index of paths; the list then goes along its own. */
const spellingsOf = (actor: Actor, project: string) => sql`(SELECT same.project FROM stacks AS same WHERE same.deleted_at IS NULL
  AND lower(same.project) = lower(${project}) AND same.org_id ${
    actor.kind === "user" ? sql`IN (SELECT org_id FROM members WHERE user_id = ${actor.user.id})` : sql`= ${actor.org.id}`
  })`;

/** Absent: never. 0: one is in progress (cli-protocol §3.3). */
const lastUpdate = (running: boolean, at: number | null) => {
  if (running) return { lastUpdate: 0 };
  return at === null ? {} : { lastUpdate: Math.floor(at / 1000) };
};

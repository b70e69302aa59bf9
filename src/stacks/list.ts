import { isOpenTo } from "../auth/barred.ts";
import { type SQL, and, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guard, guardMemberships } from "../auth/guard.ts";
import { membershipsOf, visibleTo } from "../auth/visible.ts";
import type { Actor, ActorContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { badRequest } from "../errors.ts";
import { fromCursor, page } from "../http/pagination.ts";
import type { ListUserStacksQuery } from "./schema.ts";
import { stackTags, stacks } from "./table.ts";

const PAGE_SIZE = 100;
const Key = z.tuple([z.string(), z.string(), z.string()]);

/**
 * Stacks that the caller may see, by organization, project and name. For an organization that the caller does not belong to, the list is
 * empty, as for one that does not exist.
 */
export async function listUserStacks(ctx: ActorContext, query: z.infer<typeof ListUserStacksQuery>) {
  const { actor } = ctx;
  if (query.tagValue !== undefined && !query.tagName) throw badRequest("tagValue needs a tagName");
  const size = query.maxResults ?? PAGE_SIZE;
  const after = fromCursor(query.continuationToken, Key);
  const [org, project, name] = after ?? ["", "", ""];
  const visible = visibleTo(ctx, (membership) => !query.organization || membership.org.name === query.organization);
  const tagged = sql`EXISTS (SELECT 1 FROM ${stackTags} WHERE ${stackTags.stackId} = ${stacks.id} AND ${stackTags.name} = ${query.tagName ?? ""} ${
    query.tagValue === undefined ? sql`` : sql`AND ${stackTags.value} = ${query.tagValue}`
  })`;
  const select = (membership: SQL) =>
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
          membership,
          visible,
          query.project ? sql`${stacks.project} IN ${spellingsOf(actor, query.project)}` : undefined,
          query.tagName ? tagged : undefined,
          query.search ? sql`instr(lower(${stacks.project} || '/' || ${stacks.name}), lower(${query.search})) > 0` : undefined,
        ),
      )
      .orderBy(stacks.orgId, stacks.project, stacks.name)
      .limit(size + 1);

  // The remaining stacks of the cursor's organization, then those of the organizations after it. Each is one scan of the index.
  const rest = sql`${stacks.orgId} = ${org} AND (${stacks.project}, ${stacks.name}) > (${project}, ${name})`;
  const [, , begun, others] = await batch(ctx.store, [
    guard(ctx.store, actor, ctx.now),
    guardMemberships(ctx.store, actor),
    select(after ? rest : sql`0`),
    select(sql`${stacks.orgId} > ${org}`),
  ]);
  const nameOf = new Map(membershipsOf(actor).map(({ org: { id, name: orgName } }) => [id, orgName]));
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

/** The spellings of a project's name, found by the index of paths; the list itself then uses another index. */
const spellingsOf = (actor: Actor, project: string) => sql`(SELECT same.project FROM stacks AS same WHERE same.deleted_at IS NULL
  AND lower(same.project) = lower(${project}) AND same.org_id ${
    actor.kind === "user"
      ? sql`IN (SELECT org_id FROM members WHERE user_id = ${actor.user.id} AND ${isOpenTo(sql`${actor.token.id}`)})`
      : sql`= ${actor.org.id}`
  })`;

/** Absent: never. 0: one is in progress (cli-protocol §3.3). */
const lastUpdate = (running: boolean, at: number | null) => {
  if (running) return { lastUpdate: 0 };
  return at === null ? {} : { lastUpdate: Math.floor(at / 1000) };
};

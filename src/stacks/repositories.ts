import { and, eq, isNull, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { has } from "../auth/right.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { streamOf } from "../http/stream.ts";
import { resultOf, updates } from "../updates/table.ts";
import { stacks } from "./table.ts";

/** Number of stacks in memory at a time. */
const CHUNK = 500;

/**
 * The organization with the stacks that the caller may see, by repository and project. The contract groups projects by repository; here
 * each project is its own repository, as in the paths of the console.
 */
export async function getOrganization(ctx: OrgContext): Promise<Response> {
  const first = has(ctx, "stack:list") ? await readChunk(ctx, { project: "", name: "" }) : [];
  const head = JSON.stringify({ githubLogin: ctx.org.name, name: ctx.org.name, avatarUrl: "" });
  return streamOf(organization(ctx, head, first));
}

type Row = Awaited<ReturnType<typeof readChunk>>[number];

async function* organization(ctx: OrgContext, head: string, first: Row[]): AsyncGenerator<string> {
  yield `${head.slice(0, -1)},"repos":[`;
  let project: string | undefined;
  for (let rows = first; rows.length > 0; rows = rows.length < CHUNK ? [] : await readChunk(ctx, rows.at(-1)!)) {
    for (const row of rows) {
      if (row.project === project) yield ",";
      else {
        if (project !== undefined) yield "]}]},";
        project = row.project;
        const names = { orgName: ctx.org.name, name: project };
        yield `${JSON.stringify(names).slice(0, -1)},"projects":[${JSON.stringify({ ...names, repoName: project }).slice(0, -1)},"stacks":[`;
      }
      yield JSON.stringify(toStack(row));
    }
  }
  yield project === undefined ? "]}" : "]}]}]}";
}

const readChunk = async (ctx: OrgContext, after: { project: string; name: string }) => {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({
        id: sql<string>`${stacks.id}`.as("stack_id"),
        project: stacks.project,
        name: stacks.name,
        status: updates.status,
        startedAt: updates.startedAt,
        endedAt: updates.endedAt,
        resourceCount: sql<number | null>`${stacks.resourceCount}`.as("stack_resources"),
      })
      .from(stacks)
      .leftJoin(updates, eq(updates.id, stacks.activeUpdate))
      .where(
        and(
          eq(stacks.orgId, ctx.org.id),
          isNull(stacks.deletedAt),
          sql`(${stacks.project}, ${stacks.name}) > (${after.project}, ${after.name})`,
          visibleHere(ctx),
        ),
      )
      .orderBy(stacks.project, stacks.name)
      .limit(CHUNK),
  ]);
  return rows;
};

const toStack = (row: Row) => ({
  programId: row.id,
  name: row.name,
  routingProject: row.project,
  routingRepo: row.project,
  hasDeploymentSettings: false,
  driftDetected: false,
  protectedByPolicy: false,
  ...(row.status && {
    lastUpdate: {
      result: resultOf[row.status],
      startTime: seconds(row.startedAt),
      endTime: seconds(row.endedAt),
      resourceCount: row.resourceCount ?? 0,
    },
  }),
});

const seconds = (at: number | null) => Math.floor((at ?? 0) / 1000);

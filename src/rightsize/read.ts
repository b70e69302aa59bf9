import { type SQL, and, desc, eq, sql } from "drizzle-orm";
import { readArchive } from "../audit/archived.ts";
import type { ChainRecord } from "../audit/chain.ts";
import { auditArchives, auditEvents } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { stacks } from "../stacks/table.ts";
import { withPredecessors } from "../tokens/get.ts";
import { accessTokens } from "../tokens/table.ts";
import { describedEvents } from "./needs.ts";
import type { Used } from "./propose.ts";

/** Maximum number of tokens of a family whose events are read: the token and its latest predecessors. */
const MOST_TOKENS = 10;
/** Maximum number of events of one token that are read, the latest ones, and of rows into which they are counted. */
const MOST_EVENTS = 20_000;
const MOST_ROWS = 5000;
/** Maximum number of objects of the archive that are read. Each has a thousand records of the organization. */
const MOST_ARCHIVES = 20;
/** Maximum number of stacks of the touched projects that are read. */
const MOST_STACKS = 20_000;

export interface ReadEvents {
  used: Used[];
  /** The log was read from this time on, milliseconds since 1970. */
  from: number;
  /** Whether the bounds of one call hide older events. */
  truncated: boolean;
}

/** Events whose description is read. */
const described = [...describedEvents, "stack-renamed"];
/** The part of a description after this text names one update. */
const OF_STACK = " of stack ";

/** Ids of a token and its predecessors, which were replaced by rotations; the latest first. */
export const familyQuery = (ctx: OrgContext, one: SQL) =>
  ctx.store.db
    .select({ id: accessTokens.id })
    .from(accessTokens)
    .where(withPredecessors(one))
    .orderBy(desc(accessTokens.generation))
    .limit(MOST_TOKENS + 1);

/** Reads what tokens did since a time, from the table and from the archive, within bounds. */
export async function readEvents(ctx: OrgContext, family: string[], since: number): Promise<ReadEvents> {
  const tokenIds = family.slice(0, MOST_TOKENS);
  const { db } = ctx.store;
  const archived = db
    .select()
    .from(auditArchives)
    .where(and(eq(auditArchives.orgId, ctx.org.id), sql`${auditArchives.lastAt} >= ${since}`))
    .orderBy(desc(auditArchives.firstSeq))
    .limit(MOST_ARCHIVES + 1);
  const [archives, ...perToken] = await guarded(ctx, [archived, ...tokenIds.map((id) => countedEvents(ctx, id, since))]);

  let from = since;
  let truncated = family.length > MOST_TOKENS;
  const used: Used[] = [];
  for (const rows of perToken) {
    const events = rows.reduce((sum, row) => sum + row.events, 0);
    if (events >= MOST_EVENTS || rows.length > MOST_ROWS) {
      truncated = true;
      from = Math.max(
        from,
        rows.reduce((oldest, row) => Math.min(oldest, row.oldest), ctx.now),
      );
    }
    used.push(...rows.slice(0, MOST_ROWS));
  }
  for (const archive of archives.slice(0, MOST_ARCHIVES)) {
    const records = await readArchive(ctx.env.STATE, archive);
    used.push(...records.filter((record) => Number(record["at"]) >= since && tokenIds.includes(String(record["tokenId"]))).map(toUsed));
  }
  if (archives.length > MOST_ARCHIVES) {
    truncated = true;
    from = Math.max(from, archives[MOST_ARCHIVES - 1]!.firstAt);
  }
  return { used, from, truncated };
}

/** The latest events of a token, counted by what they show. It reads the index of tokens and no more rows than its bound. */
const countedEvents = (ctx: OrgContext, tokenId: string, since: number) => {
  const isDescribed = sql`event IN (SELECT value FROM json_each(${JSON.stringify(described)}))`;
  const latest = sql`(SELECT event, stack, at, CASE WHEN ${isDescribed}
    THEN substr(description, 1, instr(description || ${OF_STACK}, ${OF_STACK}) - 1) ELSE '' END AS detail FROM ${auditEvents}
    WHERE org_id = ${ctx.org.id} AND token_id = ${tokenId} AND at >= ${since} ORDER BY at DESC, id DESC LIMIT ${MOST_EVENTS})`;
  return ctx.store.db
    .select({
      event: sql<string>`event`.as("event_name"),
      description: sql<string>`detail`.as("event_detail"),
      stack: sql<string>`stack`.as("stack_path"),
      events: sql<number>`count(*)`.as("event_count"),
      at: sql<number>`max(at)`.as("latest_at"),
      oldest: sql<number>`min(at)`.as("oldest_at"),
    })
    .from(latest)
    .groupBy(sql`event, stack, detail`)
    .orderBy(sql`latest_at DESC`)
    .limit(MOST_ROWS + 1);
};

const toUsed = (record: ChainRecord): Used => {
  const event = String(record["event"]);
  const description = described.includes(event) ? String(record["description"] ?? "").split(OF_STACK)[0]! : "";
  return { event, description, stack: String(record["stack"] ?? ""), events: 1, at: Number(record["at"]) };
};

/** All stacks of these projects. If there are too many, a stack without a name says that more exist in each project. */
export async function readStacks(ctx: OrgContext, projects: string[]): Promise<{ project: string; stack: string }[]> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ project: stacks.project, stack: stacks.name })
      .from(stacks)
      .where(
        sql`org_id = ${ctx.org.id} AND deleted_at IS NULL AND lower(project) IN (SELECT lower(value) FROM json_each(${JSON.stringify(projects)}))`,
      )
      .limit(MOST_STACKS + 1),
  ]);
  return rows.length > MOST_STACKS ? [...rows, ...projects.map((project) => ({ project, stack: "" }))] : rows;
}

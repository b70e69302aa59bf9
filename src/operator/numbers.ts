import { sql } from "drizzle-orm";
import { DEAD_LETTERS } from "../audit/deadLetters.ts";
import { auditFaults, auditHeads, auditOutbox } from "../audit/table.ts";
import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import { everyPlace } from "../db/places.ts";
import { logError } from "../log.ts";
import { metrics } from "../metrics/table.ts";
import { organizations } from "../orgs/table.ts";
import { updates } from "../updates/table.ts";

/** Maximum number of rows of a backlog that are counted in one database. */
export const MOST_ROWS = 10_000;
/** Number of objects on a page of R2. */
export const MOST_LETTERS = 1000;

/** The metrics of the whole deployment. Times are milliseconds since 1970; null: there is none, or it could not be read. */
export interface DeploymentNumbers {
  organizations: number;
  /** By reason, since the deployment's start. */
  refusals: Record<string, number>;
  updates: {
    running: number;
    oldestStartedAt: number | null;
    notStarted: number;
    cutShort: Record<string, number>;
    journalsKept: Record<string, number>;
  };
  audit: {
    /** Events that are not in the log yet, at most `MOST_ROWS` of each database. */
    outbox: number;
    oldestPromisedAt: number | null;
    queued: number | null;
    queuedDead: number | null;
    /** At most `MOST_LETTERS`. */
    deadLetters: number | null;
    /** Day of the latest signed checkpoint, and how many chains have grown since their last one and wait for the cron to sign. */
    lastCheckpointDay: string | null;
    checkpointsOverdue: number;
    /** Organizations in whose log the daily check found a fault. */
    chainsBroken: number;
  };
  orphansDeleted: number;
  /** When each task of the cron last succeeded, in the database where that is longest ago. */
  cron: Record<string, number>;
}

/**
 * Reads the metrics in one round trip to each database, one to R2 and one to each queue. It reads the rows that wait, run or are counters, and
 * one row for each organization, so its cost does not depend on the length of the history.
 * @throws 503 unless every database answers: a sum without one of them would look like a counter that began again
 */
export async function readNumbers({ env, now }: RequestContext): Promise<DeploymentNumbers> {
  const [places, deadLetters, queued, queuedDead] = await Promise.all([
    Promise.all(everyPlace(env).map((at) => readPlace(openStore(at), now))),
    orNull("dead letters", async () => (await env.STATE.list({ prefix: DEAD_LETTERS, limit: MOST_LETTERS })).objects.length),
    orNull("backlog of the queue", async () => (await env.AUDIT.metrics()).backlogCount),
    orNull("backlog of the dead-letter queue", async () => (await env.AUDIT_DEAD.metrics()).backlogCount),
  ]);
  const { audit, ...rest } = places.reduce(together);
  return { ...rest, audit: { ...audit, queued, queuedDead, deadLetters } };
}

/** The numbers of one database. */
interface PlaceNumbers extends Omit<DeploymentNumbers, "audit"> {
  audit: Omit<DeploymentNumbers["audit"], "queued" | "queuedDead" | "deadLetters">;
}

async function readPlace(store: Store, now: number): Promise<PlaceNumbers> {
  const today = new Date(now).toISOString().slice(0, 10);
  const { db } = store;
  const [measured, [outbox], [open], [heads], [broken], [orgs]] = await batch(store, [
    db.select().from(metrics).limit(500),
    db
      .select({ rows: sql<number>`count(*)`, oldest: sql<number | null>`min(created_at)`.as("oldest") })
      .from(sql`(SELECT created_at FROM ${auditOutbox} ORDER BY seq LIMIT ${MOST_ROWS})`),
    db
      .select({
        running: sql<number>`count(*) FILTER (WHERE status = 'running')`.as("running"),
        oldest: sql<number | null>`min(started_at) FILTER (WHERE status = 'running')`.as("oldest"),
        notStarted: sql<number>`count(*) FILTER (WHERE status = 'not started')`.as("not_started"),
      })
      .from(sql`(SELECT status, started_at FROM ${updates} WHERE ended_at IS NULL ORDER BY created_at LIMIT ${MOST_ROWS})`),
    db
      .select({
        lastDay: sql<string | null>`nullif(max(checkpoint_day), '')`.as("last_day"),
        overdue: sql<number>`count(*) FILTER (WHERE seq > checkpoint_seq AND checkpoint_day < ${today})`.as("overdue"),
      })
      .from(auditHeads),
    db.select({ count: sql<number>`count(DISTINCT org_id)`.as("broken") }).from(auditFaults),
    db.select({ count: sql<number>`count(*)` }).from(organizations),
  ]);
  const of = (name: string) => Object.fromEntries(measured.filter((row) => row.name === name).map(({ label, value }) => [label, value]));
  return {
    organizations: orgs!.count,
    refusals: of("refusals"),
    updates: {
      running: open!.running,
      oldestStartedAt: open!.oldest,
      notStarted: open!.notStarted,
      cutShort: of("updates_cut_short"),
      journalsKept: of("journals_kept"),
    },
    audit: {
      outbox: outbox!.rows,
      oldestPromisedAt: outbox!.oldest,
      lastCheckpointDay: heads!.lastDay,
      checkpointsOverdue: heads!.overdue,
      chainsBroken: broken!.count,
    },
    orphansDeleted: of("orphans_deleted")[""] ?? 0,
    cron: of("cron"),
  };
}

/** The numbers of two databases as those of one: counts are added, and of two times, the result has the one that needs attention sooner. */
function together(a: PlaceNumbers, b: PlaceNumbers): PlaceNumbers {
  return {
    organizations: a.organizations + b.organizations,
    refusals: merged(a.refusals, b.refusals, add),
    updates: {
      running: a.updates.running + b.updates.running,
      oldestStartedAt: earlier(a.updates.oldestStartedAt, b.updates.oldestStartedAt),
      notStarted: a.updates.notStarted + b.updates.notStarted,
      cutShort: merged(a.updates.cutShort, b.updates.cutShort, add),
      journalsKept: merged(a.updates.journalsKept, b.updates.journalsKept, add),
    },
    audit: {
      outbox: a.audit.outbox + b.audit.outbox,
      oldestPromisedAt: earlier(a.audit.oldestPromisedAt, b.audit.oldestPromisedAt),
      // A database whose organizations did nothing has no new checkpoint. `checkpointsOverdue` says what is late.
      lastCheckpointDay: [a, b].map(({ audit }) => audit.lastCheckpointDay ?? "").sort()[1] || null,
      checkpointsOverdue: a.audit.checkpointsOverdue + b.audit.checkpointsOverdue,
      chainsBroken: a.audit.chainsBroken + b.audit.chainsBroken,
    },
    orphansDeleted: a.orphansDeleted + b.orphansDeleted,
    // Some tasks run in the directory only.
    cron: merged(a.cron, b.cron, Math.min),
  };
}

const add = (a: number, b: number): number => a + b;
const earlier = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.min(a, b));

function merged(a: Record<string, number>, b: Record<string, number>, join: (a: number, b: number) => number): Record<string, number> {
  const both = { ...a };
  for (const [name, value] of Object.entries(b)) both[name] = name in a ? join(a[name]!, value) : value;
  return both;
}

/** Returns null when a number cannot be read, so that the others are still returned. */
async function orNull(what: string, read: () => Promise<number>): Promise<number | null> {
  try {
    return await read();
  } catch (error) {
    logError(`metrics: ${what} could not be read`, error);
    return null;
  }
}

import { eq, sql } from "drizzle-orm";
import { isLeaked } from "../auth/lives.ts";
import { stackFactsQuery, toStackFacts } from "../auth/onStack.ts";
import { type Circumstances, type OrgPermission, decide } from "../auth/policy.ts";
import { type Resolution, identityFrom, identityQueries } from "../auth/identity.ts";
import type { OnStack } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import type { AbortedFor, Run } from "./storage/runs.ts";

const HOUR = 3600_000;

/**
 * The result of checking a run at a renewal of its lease. `network`: the renewal is refused because of the caller's network, and the run
 * continues. `draining`: the caller that started the run could not start it now, and the run may continue until the given time.
 */
export type Standing = "good" | "network" | { abort: AbortedFor } | { draining: { since: number; until: number } };

/** The database's rows about the caller that started a run, and about the run's organization. */
interface Facts {
  starter: Resolution;
  leaked: boolean;
  /** The facts about the stack on which the starter's rights depend. */
  onStack: OnStack["facts"];
  /** Undefined when the organization does not exist any more. */
  settings: { inFlightRevocation: "drain" | "abort"; maxDrainHours: number } | undefined;
}

/** Reads the facts without a cache. @throws 503 when the database does not answer */
export async function readStarterFacts(store: Store, run: Run, now: number): Promise<Facts> {
  const { tokenId } = run.who;
  const [tokens, memberships, rows, stack] = await batch(store, [
    ...identityQueries(store, sql`(SELECT hash FROM access_tokens AS one WHERE one.id = ${tokenId})`),
    store.db
      .select({
        inFlightRevocation: organizations.inFlightRevocation,
        maxDrainHours: organizations.maxDrainHours,
        leaked: sql<number>`EXISTS (SELECT 1 FROM ${accessTokens} WHERE id = ${tokenId} AND ${isLeaked})`.as("leaked"),
      })
      .from(organizations)
      .where(eq(organizations.id, run.orgId)),
    stackFactsQuery(store, tokenId, run.orgId, run.path),
  ]);
  return {
    starter: identityFrom(tokens, memberships, now),
    leaked: rows[0]?.leaked === 1,
    settings: rows[0],
    onStack: toStackFacts(stack),
  };
}

/** The right that a run needs for its whole life (docs/decisions/0009). */
export const rightOf = ({ dryRun }: Pick<Run, "dryRun">): OrgPermission => (dryRun ? "stack:preview" : "stack:write");

/**
 * Decides whether a run may continue. It may as long as its starter could start it now. Afterwards the organization's setting decides: the
 * run is aborted, or it may finish within the maximum drain time. A leaked token aborts its runs and those of the tokens that it created,
 * whatever the setting is. Pure.
 */
export function standingOf(run: Run, { starter, leaked, settings, onStack }: Facts, use: Circumstances): Standing {
  if (leaked) return { abort: "leak" };
  const dead = starter && "dead" in starter ? starter.dead : undefined;
  const actor = dead ? dead.actor : starter && "identity" in starter ? starter.identity.actor : undefined;
  const { projectName, stackName } = run.path;
  const here = { projectName, stackName, needs: [], guarded: 0, facts: onStack };
  const verdict = actor ? decide({ ...actor, onStack: here }, rightOf(run), run.path.orgName, use, run.path) : "hidden";
  if (verdict === "network") return "network";
  if (!dead && verdict === "allowed") return "good";
  if (settings?.inFlightRevocation === "abort") return { abort: dead || !actor ? "token" : "rights" };
  // The time at which a token ended is known. The time at which a right was lost is not, so the first renewal without it counts.
  const since = Math.min(dead?.at ?? use.now, run.drain?.since ?? use.now);
  const until = since + (settings?.maxDrainHours ?? 0) * HOUR;
  return use.now >= until ? { abort: "drain" } : { draining: { since, until } };
}

/** For the audit event of a run's end: SQL for a sentence about the change of its token during the run, or "". */
export const fateOfToken = (run: Run, endedAt: number) => sql<string>`coalesce((SELECT CASE
    WHEN disabled_reason = 'leaked' THEN ' Its token was reported as leaked meanwhile.'
    WHEN disabled_reason = 'maker-leaked' THEN ' The token that created its token was reported as leaked meanwhile.'
    WHEN deleted_at IS NOT NULL THEN ' Its token was deleted meanwhile.'
    WHEN disabled_at IS NOT NULL THEN ' Its token was disabled meanwhile.'
    WHEN retires_at <= ${endedAt} THEN ' Its token was rotated meanwhile.'
    WHEN expires_at <= ${endedAt} THEN ' Its token expired meanwhile.'
    WHEN user_id IS NOT NULL AND user_id NOT IN (SELECT user_id FROM members WHERE org_id = ${run.orgId})
      THEN ' The owner of its token left the organization meanwhile.'
  END FROM access_tokens WHERE id = ${run.who.tokenId}), '')`;

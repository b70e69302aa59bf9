import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { invites } from "../orgs/table.ts";
import { type Changes, difference, subjectsOf } from "./difference.ts";
import type { DryRun } from "./openapi.ts";
import { readWorld, runningUpdates } from "./read.ts";
import { rehearse } from "./rehearse.ts";
import { Conditions, type Place, RightsOf } from "./rights.ts";
import { type Sight, sightOf } from "./sight.ts";
import { type Edit, type Tables, edited } from "./tables.ts";
import { touchedBy } from "./touched.ts";

/** Maximum number of comparisons of a condition with a stack in one dry run, and of pairs of a subject and a stack. */
const MOST_COMPARED = 30_000_000;
const MOST_PAIRS = 20_000_000;

/** The call that is tried. */
interface Tried {
  operationId: string;
  method: string;
  path: string;
  /** Whether the answer contains the report of the real call. */
  reports: boolean;
}

/**
 * Does the work of a call without any change, and returns to whom it would give rights, from whom it would take rights, and what it would
 * end. The work makes all its checks, and its refusals are those of the real call. It must not check its own writes by reading them in the
 * same batch, see `rehearse`. The log records each dry run that is not refused, so that a caller
 * who tries out names and ids leaves a trace.
 */
export async function dryRun(ctx: OrgContext, tried: Tried, work: (ctx: OrgContext) => Promise<unknown>): Promise<DryRun> {
  const { store, edits } = rehearse(ctx.store);
  const ended: string[] = [];
  const result = await work({ ...ctx, store, tokensEnded: async ({ tokenIds }) => void ended.push(...tokenIds) });
  const report = tried.reports ? await reportIn(result) : undefined;

  const sight = sightOf(ctx, edits);
  const changes = await changesBy(ctx, edits, sight);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "dry-run",
    description: `Tried ${tried.operationId} and changed nothing: ${tried.method} ${tried.path.slice(0, 500)}`,
  });
  const [running] = await guarded(ctx, [runningUpdates(ctx, ended), auditStatement(ctx.store, event)]);
  relaySoon(ctx, event);
  return {
    dryRun: true,
    ...changes,
    runningUpdates: running,
    canceledInvitations: has(ctx, "invites:read") ? canceledBy(edits) : 0,
    ...(report && { report }),
    missing: sight.missing,
  };
}

/** The report of a revocation; undefined for an answer without a body. */
async function reportIn(result: unknown): Promise<DryRun["report"]> {
  if (!(result instanceof Response)) return result as DryRun["report"];
  return result.status === 204 ? undefined : result.json();
}

type Found = Pick<DryRun, "truncated"> & { gains: Changes; loses: Changes };

async function changesBy(ctx: OrgContext, edits: Edit[], sight: Sight): Promise<Found> {
  const touched = touchedBy(edits);
  if (!touched || !sight.any) return { gains: { count: 0, first: [] }, loses: { count: 0, first: [] }, truncated: false };
  const world = await readWorld(ctx, touched);
  const after = edited(world.tables, edits);
  const subjects = subjectsOf(world.tables, after);
  const most = Math.min(MOST_COMPARED / (1 + atomsIn(world.tables) + atomsIn(after)), MOST_PAIRS / (1 + subjects.length));
  const stacks = world.place.stacks.slice(0, Math.floor(most));
  const place: Place = { ...world.place, stacks };
  const conditions = new Conditions(stacks);
  const rights = [world.tables, after].map((tables) => new RightsOf(tables, place, conditions));
  return {
    ...difference(subjects, rights[0]!, rights[1]!, place, sight),
    truncated: world.truncated || stacks.length < world.place.stacks.length,
  };
}

const canceledBy = (edits: Edit[]): number =>
  edits.filter(({ table, set }) => table === invites && set["status"] === "canceled").reduce((sum, { rows }) => sum + rows.length, 0);

/** The parts of all conditions of the roles. */
const atomsIn = ({ customRoles }: Tables): number =>
  [...customRoles.values()]
    .flatMap(({ grants }) => grants.flatMap(({ rules }) => rules ?? []))
    .filter((rule) => rule.length !== 1 || rule[0]!.is !== "stack")
    .reduce((sum, rule) => sum + rule.length, 0);

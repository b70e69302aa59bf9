import type { OrgContext } from "../context.ts";
import { type Changes, difference, subjectsOf } from "./difference.ts";
import { readWorld } from "./read.ts";
import { rehearse } from "./rehearse.ts";
import { Conditions, type Place, RightsOf } from "./rights.ts";
import { type Tables, edited } from "./tables.ts";
import { touchedBy } from "./touched.ts";

/** Comparisons of a condition with a stack, and pairs of somebody and a stack, of one dry run. */
const MOST_COMPARED = 30_000_000;
const MOST_PAIRS = 20_000_000;

export interface DryRun {
  dryRun: true;
  gains: Changes;
  loses: Changes;
  /** Whether the organization has more people, tokens, teams or stacks than were looked at. */
  truncated: boolean;
}

/**
 * Does the work of a call without any change, and returns whom it would give and take which rights. The work makes all its checks, and its
 * refusals are those of the real call. It must not check its own writes by reading them in the same batch, see `rehearse`.
 */
export async function dryRun(ctx: OrgContext, work: (ctx: OrgContext) => Promise<unknown>): Promise<DryRun> {
  const { store, edits } = rehearse(ctx.store);
  await work({ ...ctx, store, tokensEnded: async () => {} });
  const touched = touchedBy(edits);
  if (!touched) return { dryRun: true, gains: { count: 0, first: [] }, loses: { count: 0, first: [] }, truncated: false };

  const world = await readWorld(ctx, touched);
  const after = edited(world.tables, edits);
  const subjects = subjectsOf(world.tables, after);
  const most = Math.min(MOST_COMPARED / (1 + atomsIn(world.tables) + atomsIn(after)), MOST_PAIRS / (1 + subjects.length));
  const stacks = world.place.stacks.slice(0, Math.floor(most));
  const place: Place = { ...world.place, stacks };
  const conditions = new Conditions(stacks);
  const rights = [world.tables, after].map((tables) => new RightsOf(tables, place, conditions));
  return {
    dryRun: true,
    ...difference(subjects, rights[0]!, rights[1]!, place),
    truncated: world.truncated || stacks.length < world.place.stacks.length,
  };
}

/** The parts of all conditions of the roles. */
const atomsIn = ({ customRoles }: Tables): number =>
  [...customRoles.values()]
    .flatMap(({ grants }) => grants.flatMap(({ rules }) => rules ?? []))
    .filter((rule) => rule.length !== 1 || rule[0]!.is !== "stack")
    .reduce((sum, rule) => sum + rule.length, 0);

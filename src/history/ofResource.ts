import { and, sql } from "drizzle-orm";
import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { findEntries, realUpdates } from "./entries.ts";
import { readEvents } from "./getEvents.ts";
import type { UpdateRow } from "./info.ts";
import { STEPS, stepOf } from "./summarize.ts";

/** Number of updates that are searched, and of their steps together. */
const UPDATES = 20;
const MOST_STEPS = 20_000;
/** Maximum number of properties that are named for one update, and of characters of a name. */
const MOST_NAMES = 20;
const NAME = 100;

export interface ResourceChange {
  row: UpdateRow;
  /** The operation on the resource: `create`, `update` or another operation of the engine. */
  op: string;
  failed: boolean;
  /** Names of the properties that changed. */
  properties: string[];
}

interface Searched {
  changes: ResourceChange[];
  /** The versions that were searched; undefined if the stack has no update. */
  versions?: { first: number; last: number };
  /** Whether there are older updates. */
  isCut: boolean;
}

/**
 * What the last updates of a stack did with one resource, newest first, by their engine events. An update in which nothing changed is not read. An import
 * has no events, so it is not among them.
 */
export async function changesOfResource(ctx: OrgContext, path: StackPath, urn: string): Promise<Searched> {
  const { rows } = await findEntries(
    ctx,
    path,
    { where: and(realUpdates, sql`started_at IS NOT NULL`), by: "version" },
    { page: 1, pageSize: UPDATES + 1 },
  );
  const searched: Searched = { changes: [], isCut: false };
  let count = 0;
  let steps = 0;
  for await (const row of rows) {
    const { total, changed } = stepsOf(row);
    if (count === UPDATES || (count > 0 && steps + total > MOST_STEPS)) {
      searched.isCut = true;
      break;
    }
    count++;
    const version = row.version ?? 0;
    searched.versions = { first: version, last: searched.versions?.last ?? version };
    if (changed === 0) continue;
    steps += total;
    const { events } = await readEvents(ctx, path, row.id, { after: -1, kinds: STEPS, urn }, false);
    searched.changes.push(...events.flatMap((text) => changeIn(text, row)).toReversed());
  }
  return searched;
}

/** The steps of an update by its summary. If an update has no summary, for example because it was cut short, something may have changed. */
function stepsOf({ resourceChanges, kind }: UpdateRow): { total: number; changed: number } {
  if (kind === "import" || kind === "rename") return { total: 0, changed: 0 };
  if (resourceChanges === null) return { total: 1, changed: 1 };
  const { same = 0, ...others } = JSON.parse(resourceChanges) as Record<string, number>;
  const changed = Object.values(others).reduce((sum, count) => sum + count, 0);
  return { total: same + changed, changed };
}

interface Difference {
  diffs?: unknown;
  detailedDiff?: unknown;
}

/** @returns nothing for an event that changed nothing, or that does not have the expected form */
function changeIn(text: string, row: UpdateRow): ResourceChange[] {
  const event = JSON.parse(text) as Parameters<typeof stepOf>[0];
  const step = stepOf(event);
  if (!step || (step.op === "same" && !step.failed)) return [];
  const { diffs, detailedDiff } = ((event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata ?? {}) as Difference;
  const names =
    typeof detailedDiff === "object" && detailedDiff !== null
      ? Object.keys(detailedDiff)
      : Array.isArray(diffs)
        ? (diffs as unknown[])
        : [];
  const properties = names
    .filter((name) => typeof name === "string")
    .slice(0, MOST_NAMES)
    .map((name) => name.slice(0, NAME));
  return [{ row, op: step.op, failed: step.failed, properties }];
}

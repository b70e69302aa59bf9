import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { eventKinds } from "../engineEvents/engineEvents.ts";
import { readEvents } from "./getEvents.ts";
import type { UpdateRow } from "./info.ts";
import { type TreeStep, outcomeText, treeText } from "./summaryText.ts";

/** The bit of a kind of events in an `EventQuery`. */
export const bit = (kind: (typeof eventKinds)[number]) => 1 << (eventKinds.indexOf(kind) + 1);
export const STEPS = bit("resOutputsEvent") | bit("resOpFailedEvent");

/** Maximum number of pages of events that are read for the tree. The tree of a larger update is incomplete. */
export const MAX_PAGES = 10;

export interface StepEvent {
  resOutputsEvent?: { metadata?: StepMetadata };
  resOpFailedEvent?: { metadata?: StepMetadata };
}
export interface StepMetadata {
  op?: unknown;
  urn?: unknown;
  new?: StepState | null;
  old?: StepState | null;
  diffs?: unknown;
  detailedDiff?: unknown;
}
interface StepState {
  parent?: unknown;
  inputs?: unknown;
  outputs?: unknown;
}

/** Summarizes an update as the CLI does at its end: the steps come from its engine events, the result from the history. */
export async function summarize(ctx: OrgContext, path: StackPath, row: UpdateRow): Promise<{ summary: string }> {
  const steps: TreeStep[] = [];
  let after = -1;
  let more = true;
  for (let pages = 0; more && pages < MAX_PAGES; pages++) {
    const page = await readEvents(ctx, path, row.id, { after, kinds: STEPS }, false);
    for (const text of page.events) {
      const step = stepOf(JSON.parse(text) as StepEvent);
      if (step) steps.push(step);
    }
    ({ last: after, more } = page);
  }
  return { summary: treeText(steps, { isCut: more, failed: hasFailed(row) }) + outcomeText(row, erroredOf(steps)) };
}

export const hasFailed = ({ status }: UpdateRow): boolean => status === "failed" || status === "cancelled";

/** Number of resources with an operation that failed. */
export const erroredOf = (steps: TreeStep[]): number => new Set(steps.filter(({ failed }) => failed).map(({ urn }) => urn)).size;

/** Maximum number of characters of an operation and its URN together: the widest line determines the width of all lines. */
const LONGEST = 1000;

/** The step in an event; undefined if the event, which a client sent, does not have the expected form. */
export function stepOf({ resOutputsEvent, resOpFailedEvent }: StepEvent): TreeStep | undefined {
  const metadata = (resOutputsEvent ?? resOpFailedEvent)?.metadata;
  if (typeof metadata?.op !== "string" || typeof metadata.urn !== "string" || metadata.urn === "") return undefined;
  if (metadata.op.length + metadata.urn.length > LONGEST) return undefined;
  const parent = metadata.new?.parent ?? metadata.old?.parent;
  return { op: metadata.op, urn: metadata.urn, parent: typeof parent === "string" ? parent : "", failed: resOpFailedEvent !== undefined };
}

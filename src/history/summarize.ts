import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { eventKinds } from "../engineEvents/engineEvents.ts";
import { readEvents } from "./getEvents.ts";
import type { UpdateRow } from "./info.ts";
import { type TreeStep, outcomeText, treeText } from "./summaryText.ts";

/** Of a kind of events, in a query for them. */
export const bit = (kind: (typeof eventKinds)[number]) => 1 << (eventKinds.indexOf(kind) + 1);
export const STEPS = bit("resOutputsEvent") | bit("resOpFailedEvent");

/** Pages of events that are read for the tree; a larger update is told as far as that. */
export const MAX_PAGES = 10;

export interface StepEvent {
  resOutputsEvent?: { metadata?: StepMetadata };
  resOpFailedEvent?: { metadata?: StepMetadata };
}
interface StepMetadata {
  op?: unknown;
  urn?: unknown;
  new?: { parent?: unknown } | null;
  old?: { parent?: unknown } | null;
}

/** What an update did, in words, as the CLI says at its end: from its engine events, and its outcome from the history. */
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
  return { summary: treeText(steps, more) + outcomeText(row) };
}

/** Characters of an operation and a URN: every line is made as wide as the widest. */
const LONGEST = 1000;

/** Events are what a client sent: what is not as expected is left out. */
export function stepOf({ resOutputsEvent, resOpFailedEvent }: StepEvent): TreeStep | undefined {
  const metadata = (resOutputsEvent ?? resOpFailedEvent)?.metadata;
  if (typeof metadata?.op !== "string" || typeof metadata.urn !== "string" || metadata.urn === "") return undefined;
  if (metadata.op.length + metadata.urn.length > LONGEST) return undefined;
  const parent = metadata.new?.parent ?? metadata.old?.parent;
  return { op: metadata.op, urn: metadata.urn, parent: typeof parent === "string" ? parent : "", failed: resOpFailedEvent !== undefined };
}

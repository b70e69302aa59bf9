import { readSnapshot, type Base, type Intern } from "./base.ts";
import type { Item, Ref } from "./item.ts";
import type { Range } from "./json.ts";
import { Kind, readBatch, type JournalEntry } from "./journal.ts";
import { readLinks, type Links } from "./resource.ts";
import type { Journal, Texts } from "./texts.ts";

/** An entry of the journal, where it is, and what only some replays have to know of it. */
export interface Step {
  entry: JournalEntry;
  batch: number;
  /** Of `entry.state`. */
  links: Links | null;
  /** Of `entry.newSnapshot`. */
  snapshot: Base | null;
}

export const refTo = (step: Step, range: Range): Ref => ({ batch: step.batch, start: range.start, end: range.end });

/** A fresh item for each place that the state takes: they may be changed independently. */
export const itemOf = (step: Step): Item => ({
  from: refTo(step, step.entry.state!),
  facts: step.entry.stateFacts,
  links: step.links,
  edits: null,
});

/** All entries in their total order. A batch sent twice counts once: of entries with the same sequence id the last one stays. */
export async function readSteps(journal: Journal, texts: Texts): Promise<Step[]> {
  const steps = new Map<number, Step>();
  for await (const batch of journal.batches()) {
    const bytes = await texts.batch(batch);
    for (const entry of readBatch(bytes)) steps.set(entry.sequenceID, { entry, batch, links: null, snapshot: null });
  }
  return [...steps.values()].sort((a, b) => a.entry.sequenceID - b.entry.sequenceID);
}

/** Adds what only the replay of a refresh, of aliases or of a new base has to know. */
export async function readDetails(steps: Step[], texts: Texts, intern: Intern): Promise<void> {
  for (const step of steps) {
    const { entry, batch } = step;
    if (entry.state) step.links = readLinks(await texts.batch(batch), entry.state.start, intern);
    if (entry.kind === Kind.write) step.snapshot = readSnapshot(await texts.batch(batch), refTo(step, entry.newSnapshot!), intern);
  }
}

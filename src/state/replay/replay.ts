/** Computes the state after an update from the state before it and the journal (cli-protocol §4.8.4). */
import { newBase, readItems, reopenable, type Open, type Reopenable } from "./base.ts";
import { Fold, type Folded } from "./fold.ts";
import type { ResourceRef } from "./resourceRef.ts";
import { encode, rewrite } from "../json/json.ts";
import { LinkTable } from "./links.ts";
import { MemberWriter, type Stamp, keep, newBaseParts } from "./memberWriter.ts";
import { Output, streamed, type Streamed } from "../../bytes/output.ts";
import { KnownFacts, readFacts } from "../resource.ts";
import { splitDeployment } from "../json/split.ts";
import { readDetails, readSteps } from "./steps.ts";
import { type Journal, JournalCache } from "./journalCache.ts";
import { VISIT_COST, Yielder } from "../../bytes/yielder.ts";

export type { Journal } from "./journalCache.ts";

export interface ReplayInput extends Stamp {
  /** Opens the untyped deployment that the update started from; null: the empty state. It may be opened twice. */
  base: Open | null;
  /** No resource of the base has aliases, so one pass over it is enough. `aliasFree` in the summary of the base has this value. */
  baseIsAliasFree?: boolean;
  journal: Journal;
}

export interface StateSummary {
  resources: number;
  /** Schema version. For a replayed state it is 4 if there are features, else 3; for other states it is the declared version. */
  version: number;
  /** Sorted. */
  features: string[];
  /** Whether all resources are stacks, so that the stack may be deleted without force. True for a state without resources. */
  onlyRootStack: boolean;
  /** Whether no resource has aliases. The next replay needs it as `baseIsAliasFree`. */
  aliasFree: boolean;
  /** Names of the stacks that the state refers to, each once. */
  references: string[];
}

/**
 * The state after the update as UTF-8 text of an untyped deployment, in chunks of about 128 KB. The same input gives the same bytes; a
 * resource that the journal does not change keeps its bytes. Base and journal must have been validated when they were received. If two
 * resources have the same alias, the chunks end with a StateError, and the caller must discard the chunks that it has read.
 */
export const replay = (input: ReplayInput): Streamed<StateSummary> => streamed(run(input));

async function* run(input: ReplayInput): AsyncGenerator<Uint8Array, StateSummary> {
  const texts = new JournalCache(input.journal);
  const source = input.base && reopenable(input.base);
  const folded = await fold(input, source, texts);
  const { selection } = folded;
  const out = new Output();
  const base = newBaseParts();
  const members = new MemberWriter(input, folded, base, texts, out);
  const resources = new ResourceWriter(members, out, texts);

  async function* begin(whole: boolean) {
    await members.writeHead(whole);
    for (const item of selection.first) {
      await resources.write(item);
      if (out.hasFull) yield* out.take();
    }
  }
  let begun = false;
  let position = 0;
  for await (const parts of source ? splitDeployment(await source.last(), { trusted: true }) : []) {
    for (const part of parts) {
      if (part.at !== "resource") {
        keep(base, part);
        continue;
      }
      if (!begun) {
        begun = true;
        yield* begin(false);
      }
      for (const item of selection.at(position++)) {
        const wait = resources.write(item, part.text);
        if (wait) await wait;
        if (out.hasFull) yield* out.take();
      }
    }
  }
  if (!begun) yield* begin(true);
  if (resources.count > 0) out.write("]");
  const features = await members.writeTail(resources.features);
  yield* out.rest();
  texts.release();
  const { count, stacks, references } = resources;
  return {
    resources: count,
    version: features.length > 0 ? 4 : 3,
    features,
    onlyRootStack: stacks === count,
    aliasFree: true,
    references: [...references],
  };
}

async function fold(input: ReplayInput, source: Reopenable | null, texts: JournalCache): Promise<Folded> {
  const facts = new KnownFacts();
  const steps = await readSteps(input.journal, texts, facts);
  const base = newBase(null);
  const links = steps.hasHole || steps.needLinks || (source && !input.baseIsAliasFree) ? new LinkTable() : null;
  if (links) base.items = source ? await readItems(await source.first(), links, facts) : [];
  const folding = new Fold(base, links, steps.hasHole);
  const yielder = new Yielder();
  for (const step of steps) {
    const details = links && readDetails(step, texts, links, facts);
    if (details) await details;
    const folded = folding.add(step);
    if (folded) await folded;
    const wait = yielder.spend(VISIT_COST);
    if (wait) await wait;
  }
  return folding.finish();
}

const COMMA = encode(",");

class ResourceWriter {
  readonly #members: MemberWriter;
  readonly #out: Output;
  readonly #texts: JournalCache;
  /** Features of the resources that were written. */
  readonly features = new Set<string>();
  readonly references = new Set<string>();
  count = 0;
  stacks = 0;

  constructor(members: MemberWriter, out: Output, texts: JournalCache) {
    this.#members = members;
    this.#out = out;
    this.#texts = texts;
  }

  /** Writes a resource; `baseText` is its text if it is in the base stream. Returns a promise only when the journal must be read. */
  write(item: ResourceRef, baseText?: Uint8Array): void | Promise<void> {
    const text = typeof item.from === "number" ? baseText! : this.#texts.get(item.from);
    if (text instanceof Uint8Array) this.#write(item, text);
    else return text.then((read) => this.#write(item, read));
  }

  #write(item: ResourceRef, text: Uint8Array): void {
    const facts = item.facts ?? readFacts(text);
    for (const feature of facts.features) this.features.add(feature);
    if (facts.isStack) this.stacks++;
    if (facts.refersTo) this.references.add(facts.refersTo);
    if (this.count++ > 0) this.#out.write(COMMA);
    else this.#members.open("resources", "[");
    this.#out.write(item.edits ? rewrite(text, item.edits) : text);
  }
}

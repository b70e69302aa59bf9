/** Computes the state after an update from the state before it and the journal (cli-protocol §4.8.4). */
import { newBase, readItems, reopenable, type Open, type Operation, type Reopenable } from "./base.ts";
import { Fold, type Folded } from "./fold.ts";
import type { Item, Ref } from "./item.ts";
import { encode, parse, rewrite } from "./json.ts";
import { LinkTable } from "./links.ts";
import * as members from "./members.ts";
import { Output, streamed, type Streamed } from "./output.ts";
import { DERIVED_FEATURES, KnownFacts, readFacts, readOperation } from "./resource.ts";
import { splitDeployment, type Part } from "./split.ts";
import { readDetails, readSteps } from "./steps.ts";
import { Texts, type Journal } from "./texts.ts";
import { LOOK, Turn } from "./turn.ts";

export type { Journal } from "./texts.ts";

export interface ReplayInput {
  /** Opens the untyped deployment that the update started from; null: the empty one. It may be opened twice. */
  base: Open | null;
  /** No resource of the base has aliases, so one pass over it is enough. A summary says so of each state that we write. */
  baseIsAliasFree?: boolean;
  journal: Journal;
  /** As the CLI would write it (`goTime`); becomes `manifest.time`. */
  manifestTime: string;
  /** Becomes `manifest.version`; "" keeps the base's. */
  cliVersion: string;
}

export interface StateSummary {
  resources: number;
  /** Schema version: 4 if and only if there are features, for a replayed state; else as declared. */
  version: number;
  /** Sorted. */
  features: string[];
  /** No resource but stacks: the stack may be deleted without force. True for no resource at all. */
  onlyRootStack: boolean;
  /** For `baseIsAliasFree` of the next replay. */
  aliasFree: boolean;
  /** Names of the stacks that the state refers to, each once. */
  references: string[];
}

/**
 * The state after the update as UTF-8 text of an untyped deployment, in chunks of 128 KB or so. The same input gives the
 * same bytes; a resource that the journal does not touch keeps its own. Base and journal must have been validated when they were taken.
 * The chunks end with a StateError when two resources claim one alias: what has been read of them by then must be thrown away.
 */
export const replay = (input: ReplayInput): Streamed<StateSummary> => streamed(run(input));

async function* run(input: ReplayInput): AsyncGenerator<Uint8Array, StateSummary> {
  const texts = new Texts(input.journal);
  const source = input.base && reopenable(input.base);
  const folded = await fold(input, source, texts);
  const { selection } = folded;
  const out = new Output();
  const resources = new ResourceWriter(out, texts);
  const base = newBaseParts();

  out.write('{"deployment":{"resources":[');
  for (const item of selection.first) {
    await resources.write(item);
    if (out.hasFull) yield* out.take();
  }
  let position = 0;
  for await (const parts of source ? splitDeployment(await source.last(), { trusted: true }) : []) {
    for (const part of parts) {
      if (part.at !== "resource") {
        keep(base, part);
        continue;
      }
      for (const item of selection.at(position++)) {
        const wait = resources.write(item, part.text);
        if (wait) await wait;
        if (out.hasFull) yield* out.take();
      }
    }
  }
  out.write("]");
  const features = await writeRest(input, folded, base, texts, out, resources.features);
  yield* out.rest();
  texts.free();
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

async function fold(input: ReplayInput, source: Reopenable | null, texts: Texts): Promise<Folded> {
  const facts = new KnownFacts();
  const steps = await readSteps(input.journal, texts, facts);
  const base = newBase(null);
  const links = steps.hasHole || steps.needLinks || (source && !input.baseIsAliasFree) ? new LinkTable() : null;
  if (links) base.items = source ? await readItems(await source.first(), links, facts) : [];
  const folding = new Fold(base, links, steps.hasHole);
  const turn = new Turn();
  for (const step of steps) {
    const details = links && readDetails(step, texts, links, facts);
    if (details) await details;
    const folded = folding.add(step);
    if (folded) await folded;
    const wait = turn.spend(LOOK);
    if (wait) await wait;
  }
  return folding.finish();
}

const COMMA = encode(",");

class ResourceWriter {
  readonly #out: Output;
  readonly #texts: Texts;
  /** Of the resources written. */
  readonly features = new Set<string>();
  readonly references = new Set<string>();
  count = 0;
  stacks = 0;

  constructor(out: Output, texts: Texts) {
    this.#out = out;
    this.#texts = texts;
  }

  /** `baseText` is the text of an item that is in the base stream. A promise only when the journal has to be read. */
  write(item: Item, baseText?: Uint8Array): void | Promise<void> {
    const text = typeof item.from === "number" ? baseText! : this.#texts.get(item.from);
    if (text instanceof Uint8Array) this.#write(item, text);
    else return text.then((read) => this.#write(item, read));
  }

  #write(item: Item, text: Uint8Array): void {
    const facts = item.facts ?? readFacts(text);
    for (const feature of facts.features) this.features.add(feature);
    if (facts.isStack) this.stacks++;
    if (facts.refersTo) this.references.add(facts.refersTo);
    if (this.count++ > 0) this.#out.write(COMMA);
    this.#out.write(item.edits ? rewrite(text, item.edits) : text);
  }
}

/** What the base stream holds besides resources: little, and not to be written before the resources are, so it is kept. */
interface BaseParts {
  members: Map<string, Uint8Array>;
  envelope: Map<string, Uint8Array>;
  pending: Operation[];
}

const newBaseParts = (): BaseParts => ({ members: new Map(), envelope: new Map(), pending: [] });

function keep(base: BaseParts, part: Part): void {
  const text = part.text.slice(); // not a view, which would keep its whole chunk
  if (part.at === "deployment") base.members.set(part.key, text);
  else if (part.at === "envelope") base.envelope.set(part.key, text);
  else {
    const { creates } = readOperation(text);
    if (creates) base.pending.push({ text, creates });
  }
}

const OWN_MEMBERS = new Set(["manifest", "secrets_providers", "resources", "pending_operations", "metadata", "snippets", "extensions"]);
const OWN_ENVELOPE = new Set(["version", "features", "deployment", "isInvalid"]);

/** Writes everything behind the resources, and closes the text. Returns the features of the whole, sorted. */
async function writeRest(
  input: ReplayInput,
  folded: Folded,
  base: BaseParts,
  texts: Texts,
  out: Output,
  features: Set<string>,
): Promise<string[]> {
  const read = async (text: Ref | Uint8Array) => (text instanceof Uint8Array ? text : (await texts.get(text)).slice());
  const own = folded.base.members;
  const current = own ? await readAll(own, read) : base.members;
  const pending = own ? folded.pending : [...folded.pending, ...base.pending];
  const member = (key: string, text: Uint8Array | string | undefined) => {
    if (text === undefined) return;
    out.write(`,${JSON.stringify(key)}:`);
    out.write(text);
  };

  member("manifest", await members.newManifest(input.manifestTime, input.cliVersion, current));
  member("secrets_providers", await members.secretsProvider(current, folded.base, read));
  for (const [i, operation] of pending.entries()) {
    out.write(i === 0 ? ',"pending_operations":[' : ",");
    const text = await read(operation.text);
    out.write(text);
    for (const feature of readOperation(text).features) features.add(feature);
  }
  if (pending.length > 0) out.write("]");
  member("metadata", members.metadata(current));
  const snippets = await members.snippets(current, folded.base, read);
  if (snippets) features.add("snippets-prototype");
  member("snippets", snippets);
  member("extensions", await members.extensions(current, folded.base, read));
  for (const [key, text] of current) if (!OWN_MEMBERS.has(key)) member(key, text);
  out.write("}");

  if (folded.byteString) features.add("byteString");
  for (const feature of keptFeatures(base.envelope)) features.add(feature);
  const sorted = [...features].sort();
  if (sorted.length > 0) member("features", JSON.stringify(sorted));
  for (const [key, text] of base.envelope) if (!OWN_ENVELOPE.has(key)) member(key, text);
  member("version", sorted.length > 0 ? "4" : "3");
  out.write("}");
  return sorted;
}

async function readAll(refs: ReadonlyMap<string, Ref>, read: (ref: Ref) => Promise<Uint8Array>): Promise<Map<string, Uint8Array>> {
  const texts = new Map<string, Uint8Array>();
  for (const [key, ref] of refs) texts.set(key, await read(ref));
  return texts;
}

/** `byteString` cannot be seen in a resource, nor can a feature that is newer than we are: once there, they stay. */
function keptFeatures(envelope: ReadonlyMap<string, Uint8Array>): string[] {
  const text = envelope.get("features");
  const features = text ? parse(text) : [];
  return Array.isArray(features) ? features.filter((name) => typeof name === "string" && !DERIVED_FEATURES.has(name)) : [];
}

/** Writes the parts of a replayed state other than its resources. */
import type { OperationRef } from "./base.ts";
import type { Folded } from "./fold.ts";
import type { Ref } from "./resourceRef.ts";
import { parse } from "../json/json.ts";
import { type Members, extensions, metadata, newManifest, secretsProvider, snippets } from "./members.ts";
import type { Output } from "../../bytes/output.ts";
import { DERIVED_FEATURES, readOperation } from "../resource.ts";
import type { Part } from "../json/split.ts";
import type { JournalCache } from "./journalCache.ts";

export interface Stamp {
  /** Becomes `manifest.time`, in the CLI's format (`goTime`). */
  manifestTime: string;
  /** Becomes `manifest.version`; "" keeps the base's. */
  cliVersion: string;
}

/** The parts of the base stream other than resources. They are small, and some come after the resources, so they are kept in memory. */
export interface BaseParts {
  members: Map<string, Uint8Array>;
  envelope: Map<string, Uint8Array>;
  pending: OperationRef[];
}

export const newBaseParts = (): BaseParts => ({ members: new Map(), envelope: new Map(), pending: [] });

export function keep(base: BaseParts, part: Part): void {
  const text = part.text.slice(); // a view would keep its whole chunk in memory
  if (part.at === "deployment") base.members.set(part.key, text);
  else if (part.at === "envelope") base.envelope.set(part.key, text);
  else {
    const { creates } = readOperation(text);
    if (creates) base.pending.push({ text, creates });
  }
}

const OWN_MEMBERS = new Set(["manifest", "secrets_providers", "resources", "pending_operations", "metadata", "snippets", "extensions"]);
const OWN_ENVELOPE = new Set(["version", "features", "deployment", "isInvalid"]);

/**
 * Writes all parts except the resources. Like the CLI it writes manifest and secrets provider before the resources, but only if
 * the base has them before its resources. All states that the CLI or this service writes have them there.
 */
export class MemberWriter {
  readonly #stamp: Stamp;
  readonly #folded: Folded;
  readonly #base: BaseParts;
  readonly #texts: JournalCache;
  readonly #out: Output;
  readonly #written = new Set<string>();

  constructor(stamp: Stamp, folded: Folded, base: BaseParts, texts: JournalCache, out: Output) {
    this.#stamp = stamp;
    this.#folded = folded;
    this.#base = base;
    this.#texts = texts;
    this.#out = out;
  }

  /** Writes a key and the beginning of its value; the caller writes the rest. */
  open(key: string, start = ""): void {
    this.#out.write(`${this.#written.size > 0 ? "," : ""}${JSON.stringify(key)}:${start}`);
    this.#written.add(key);
  }

  #member(key: string, text: Uint8Array | string | undefined): void {
    if (text === undefined || this.#written.has(key)) return;
    this.open(key);
    this.#out.write(text);
  }

  /**
   * Call this when the parts before the resources of the base have been read.
   * @param whole the base has no resources and has been read completely
   */
  async writeHead(whole: boolean): Promise<void> {
    this.#out.write('{"deployment":{');
    const current = await this.#current();
    const isKnown = (key: string) => whole || this.#folded.base.members !== null || current.has(key);
    if (this.#stamp.cliVersion !== "" || isKnown("manifest")) await this.#manifest(current);
    if (isKnown("secrets_providers")) await this.#provider(current);
  }

  /** Writes the rest of the text after the resources. Returns the features of the whole state, sorted. */
  async writeTail(featuresOfResources: ReadonlySet<string>): Promise<string[]> {
    const features = new Set(featuresOfResources);
    const current = await this.#current();
    await this.#manifest(current);
    await this.#provider(current);
    await this.#pending(features);
    this.#member("metadata", metadata(current));
    const found = await snippets(current, this.#folded.base, this.#read);
    if (found) features.add("snippets-prototype");
    this.#member("snippets", found);
    this.#member("extensions", await extensions(current, this.#folded.base, this.#read));
    for (const [key, text] of current) if (!OWN_MEMBERS.has(key)) this.#member(key, text);
    this.#out.write("}");
    return this.#envelope(features);
  }

  /** Returns the members of the journal's snapshot. Without a snapshot it returns the members of the base that have been read so far. */
  async #current(): Promise<Members> {
    const own = this.#folded.base.members;
    return own ? readAll(own, this.#read) : this.#base.members;
  }

  async #manifest(current: Members): Promise<void> {
    this.#member("manifest", await newManifest(this.#stamp.manifestTime, this.#stamp.cliVersion, current));
  }

  async #provider(current: Members): Promise<void> {
    this.#member("secrets_providers", await secretsProvider(current, this.#folded.base, this.#read));
  }

  async #pending(features: Set<string>): Promise<void> {
    const { base, pending } = this.#folded;
    const all = base.members ? pending : [...pending, ...this.#base.pending];
    for (const [i, operation] of all.entries()) {
      if (i === 0) this.open("pending_operations", "[");
      else this.#out.write(",");
      const text = await this.#read(operation.text);
      this.#out.write(text);
      for (const feature of readOperation(text).features) features.add(feature);
    }
    if (all.length > 0) this.#out.write("]");
  }

  #envelope(features: Set<string>): string[] {
    const { envelope } = this.#base;
    if (this.#folded.byteString) features.add("byteString");
    for (const feature of keptFeatures(envelope)) features.add(feature);
    const sorted = [...features].sort();
    const member = (key: string, text: Uint8Array | string) => {
      this.#out.write(`,${JSON.stringify(key)}:`);
      this.#out.write(text);
    };
    if (sorted.length > 0) member("features", JSON.stringify(sorted));
    for (const [key, text] of envelope) if (!OWN_ENVELOPE.has(key)) member(key, text);
    member("version", sorted.length > 0 ? "4" : "3");
    this.#out.write("}");
    return sorted;
  }

  readonly #read = async (text: Ref | Uint8Array): Promise<Uint8Array> =>
    text instanceof Uint8Array ? text : (await this.#texts.get(text)).slice();
}

async function readAll(refs: ReadonlyMap<string, Ref>, read: (ref: Ref) => Promise<Uint8Array>): Promise<Map<string, Uint8Array>> {
  const texts = new Map<string, Uint8Array>();
  for (const [key, ref] of refs) texts.set(key, await read(ref));
  return texts;
}

/** Features of the base that resources do not show: `byteString`, and features that this release does not know. They are kept. */
function keptFeatures(envelope: ReadonlyMap<string, Uint8Array>): string[] {
  const text = envelope.get("features");
  const features = text ? parse(text) : [];
  return Array.isArray(features) ? features.filter((name) => typeof name === "string" && !DERIVED_FEATURES.has(name)) : [];
}

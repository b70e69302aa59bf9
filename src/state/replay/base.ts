/** The deployment that a replay starts from: the base stream, or a replacement from the journal. */
import { release } from "../../bytes/release.ts";
import type { ResourceRef, Ref } from "./resourceRef.ts";
import { readArray, skipValue, visitMembers } from "../json/json.ts";
import type { LinkTable } from "./links.ts";
import { readFacts, readOperation, type KnownFacts } from "../resource.ts";
import { splitDeployment } from "../json/split.ts";
import { Yielder } from "../../bytes/yielder.ts";

export interface OperationRef {
  text: Ref | Uint8Array;
  /** Only pending operations of this type are kept by a later update (cli-protocol §4.8.4). */
  creates: boolean;
}

export interface Base {
  /** The resources of the base; null if the replay can read them from the base stream in one pass. */
  items: ResourceRef[] | null;
  /** The members of the deployment except its lists; null if the base stream has them and the pending operations. */
  members: Map<string, Ref> | null;
  pending: OperationRef[];
  /** Providers in secrets manager entries. Each is compared with the one before. */
  providers: Ref[];
  /** The snippets of the last snippets entry; undefined: the snippets in `members`. */
  snippets: Ref | null | undefined;
  /** One map from aliases to URNs for each time that aliases were resolved. All are applied to the snippets, in this order. */
  snippetAliases: ReadonlyMap<string, string>[];
  /** Extensions in entries. They are added to the extensions in `members`, which take precedence. */
  extensions: Map<string, Ref>;
}

export const newBase = (items: ResourceRef[] | null, members: Map<string, Ref> | null = null): Base => ({
  items,
  members,
  pending: [],
  providers: [],
  snippets: undefined,
  snippetAliases: [],
  extensions: new Map(),
});

/** Reads all resources of the base stream with their facts and links. */
export async function readItems(chunks: AsyncIterable<Uint8Array>, links: LinkTable, facts: KnownFacts): Promise<ResourceRef[]> {
  const items: ResourceRef[] = [];
  const yielder = new Yielder();
  for await (const parts of splitDeployment(chunks, { trusted: true })) {
    for (const { at, text } of parts) {
      if (at === "resource")
        items.push({ from: items.length, facts: facts.same(readFacts(text)), links: links.read(text, 0), edits: null });
      const wait = yielder.spend(text.length);
      if (wait) await wait;
    }
  }
  return items;
}

/** Reads the `newSnapshot` of a write entry. */
export function readSnapshot(bytes: Uint8Array, { batch, start }: Ref, links: LinkTable, known: KnownFacts): Base {
  const items: ResourceRef[] = [];
  const base = newBase(items, new Map());
  visitMembers(bytes, start, (key, at) => {
    if (key === "resources") {
      items.length = 0;
      return readArray(bytes, at, (element) => {
        const facts = readFacts(bytes, element);
        const from = { batch, start: element, end: facts.end };
        items.push({ from, facts: known.same(facts), links: links.read(bytes, element), edits: null });
        return facts.end;
      });
    }
    if (key === "pending_operations") {
      base.pending = [];
      return readArray(bytes, at, (element) => {
        const { creates, end } = readOperation(bytes, element);
        base.pending.push({ text: { batch, start: element, end }, creates });
        return end;
      });
    }
    const end = skipValue(bytes, at);
    base.members!.set(key, { batch, start: at, end });
    return end;
  });
  return base;
}

export type Open = () => Promise<AsyncIterable<Uint8Array>>;

const KEEP_BYTES = 8 * 1024 * 1024;

/** A source that can be read twice. A small one is kept in memory after the first time. */
export interface Reopenable {
  first: Open;
  /** The last read. It releases the kept bytes. */
  last: Open;
}

export function reopenable(open: Open): Reopenable {
  let kept: Uint8Array[] | undefined;
  return {
    first: async () => keeping(await open(), (chunks) => (kept = chunks)),
    last: async () => (kept ? replayed(kept) : open()),
  };
}

async function* replayed(chunks: Uint8Array[]) {
  for (const chunk of chunks) {
    yield chunk;
    release(chunk);
  }
}

async function* keeping(source: AsyncIterable<Uint8Array>, keep: (chunks: Uint8Array[]) => void) {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size <= KEEP_BYTES) chunks.push(chunk.slice());
    else {
      for (const kept of chunks) release(kept);
      chunks = [];
    }
    yield chunk;
  }
  if (size <= KEEP_BYTES) keep(chunks);
}

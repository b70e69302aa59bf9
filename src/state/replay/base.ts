/** The deployment that a replay starts from: the base stream, or what the journal has put in its place. */
import { free } from "../../bytes/release.ts";
import type { Item, Ref } from "./resourceRef.ts";
import { readArray, skipValue, visitMembers } from "../json/json.ts";
import type { LinkTable } from "./links.ts";
import { readFacts, readOperation, type KnownFacts } from "../resource.ts";
import { splitDeployment } from "../json/split.ts";
import { Turn } from "../../bytes/yielder.ts";

export interface OperationRef {
  text: Ref | Uint8Array;
  /** Only such operations outlive a further update (cli-protocol §4.8.4). */
  creates: boolean;
}

export interface Base {
  /** Null: the resources of the base stream as they come; enough when nobody asks how many there are. */
  items: Item[] | null;
  /** The members of the deployment other than its lists; null: those of the base stream, and its pending operations too. */
  members: Map<string, Ref> | null;
  pending: OperationRef[];
  /** From secrets manager entries, each to be compared with the one before. */
  providers: Ref[];
  /** From a snippets entry; undefined: those of `members`. */
  snippets: Ref | null | undefined;
  /** What aliases stood for, at each time they were resolved: to be applied to the snippets. */
  snippetAliases: ReadonlyMap<string, string>[];
  /** To be added to those of `members`, which win. */
  extensions: Map<string, Ref>;
}

export const newBase = (items: Item[] | null, members: Map<string, Ref> | null = null): Base => ({
  items,
  members,
  pending: [],
  providers: [],
  snippets: undefined,
  snippetAliases: [],
  extensions: new Map(),
});

/** The resources of the base stream with all that is to be known about them. */
export async function readItems(chunks: AsyncIterable<Uint8Array>, links: LinkTable, facts: KnownFacts): Promise<Item[]> {
  const items: Item[] = [];
  const turn = new Turn();
  for await (const parts of splitDeployment(chunks, { trusted: true })) {
    for (const { at, text } of parts) {
      if (at === "resource")
        items.push({ from: items.length, facts: facts.same(readFacts(text)), links: links.read(text, 0), edits: null });
      const wait = turn.spend(text.length);
      if (wait) await wait;
    }
  }
  return items;
}

/** Reads the `newSnapshot` of a write entry. */
export function readSnapshot(bytes: Uint8Array, { batch, start }: Ref, links: LinkTable, known: KnownFacts): Base {
  const items: Item[] = [];
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

/** A source that may have to be read twice: a small one is kept in memory the first time. */
export interface Reopenable {
  first: Open;
  /** What was kept is then given back. */
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
    free(chunk);
  }
}

async function* keeping(source: AsyncIterable<Uint8Array>, keep: (chunks: Uint8Array[]) => void) {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size <= KEEP_BYTES) chunks.push(chunk.slice());
    else {
      for (const kept of chunks) free(kept);
      chunks = [];
    }
    yield chunk;
  }
  if (size <= KEEP_BYTES) keep(chunks);
}

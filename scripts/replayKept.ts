/** Computes, in Node, the state of an update whose journal was kept. */
import { gunzipSync } from "node:zlib";
import type { KeptManifest } from "../src/coordinator/keptManifest.ts";
import { fromCheckpoint } from "../src/state/checkpoint.ts";
import { goTime } from "../src/state/goFormat.ts";
import { Kind } from "../src/state/journal.ts";
import { concat, decodeText, encode, readArray, skipSpace, skipValue, visitMembers } from "../src/state/json/json.ts";
import { replay } from "../src/state/replay/replay.ts";

// The replay pauses with a function that only Workers have.
if (!("scheduler" in globalThis)) Object.assign(globalThis, { scheduler: { wait: () => new Promise<void>((done) => setTimeout(done)) } });

export interface Kept {
  manifest: KeptManifest;
  /** The parts by name, as they were stored. */
  files: Map<string, Uint8Array>;
  /** The deployment that the update started from, as text; null: the empty one. */
  base: Uint8Array | null;
}

/** An entry of a journal: its number, its text, and its subject. */
interface Entry {
  sequenceID: number;
  text: Uint8Array;
  about: string;
}

export type Outcome = { state: string } | { fault: { sequenceID: number; about: string; message: string } } | { broken: string };

/** @param without numbers of journal entries to leave out */
export async function replayKept(kept: Kept, without: readonly number[]): Promise<Outcome> {
  const parts = kept.manifest.files.map((name) => textOf(name, kept.files.get(name)));
  if (kept.manifest.form !== "journal") {
    const whole = await attempt(() => collect(fromCheckpoint(inChunks(concat(parts))).chunks));
    return "error" in whole ? { broken: whole.error } : { state: whole.text };
  }
  const entries = inOrder(parts.flatMap(entriesIn)).filter(({ sequenceID }) => !without.includes(sequenceID));
  const whole = await replayOf(kept, entries);
  if (!("error" in whole)) return { state: whole.text };
  const alone = await replayOf(kept, []);
  if ("error" in alone) return { broken: `the state before the update cannot be read: ${alone.error}` };
  // `good` entries can be replayed and `bad` cannot: the entry between them is the faulty one.
  let [good, bad, message] = [0, entries.length, whole.error];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const half = await replayOf(kept, entries.slice(0, middle));
    if ("error" in half) [bad, message] = [middle, half.error];
    else good = middle;
  }
  const { sequenceID, about } = entries[bad - 1]!;
  return { fault: { sequenceID, about, message } };
}

function textOf(name: string, bytes: Uint8Array | undefined): Uint8Array {
  if (!bytes) throw new Error(`${name} is missing`);
  return name.endsWith(".gz") ? gunzipSync(bytes, { chunkSize: 65_536 }) : bytes;
}

const kindNames = Object.fromEntries(Object.entries(Kind).map(([name, kind]) => [kind, name]));

function entriesIn(batch: Uint8Array): Entry[] {
  let entries: Entry[] = [];
  visitMembers(batch, skipSpace(batch, 0), (key, at) => {
    if (key !== "entries") return skipValue(batch, at);
    entries = [];
    return readArray(batch, at, (start) => {
      const end = skipValue(batch, start);
      const text = batch.subarray(start, end);
      const entry = JSON.parse(decodeText(text)) as {
        sequenceID: number;
        kind: number;
        state?: { urn?: string };
        operation?: { resource?: { urn?: string } };
      };
      const urn = entry.state?.urn ?? entry.operation?.resource?.urn;
      entries.push({ sequenceID: entry.sequenceID, text, about: `${kindNames[entry.kind] ?? entry.kind}${urn ? ` of ${urn}` : ""}` });
      return end;
    });
  });
  return entries;
}

/** Sorts entries by number; of entries with the same number the last one counts, as when an update ends. */
function inOrder(entries: Entry[]): Entry[] {
  const last = new Map(entries.map((entry) => [entry.sequenceID, entry]));
  return [...last.values()].sort((a, b) => a.sequenceID - b.sequenceID);
}

/** Number of bytes in a batch, which is about the size of a client's request. */
const BATCH = 4 * 1024 * 1024;

function batchesOf(entries: readonly Entry[]): Uint8Array[] {
  const batches: Uint8Array[][] = [];
  let size = BATCH;
  for (const { text } of entries) {
    if (size >= BATCH) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)!.push(text);
    size += text.length;
  }
  return batches.map((texts) =>
    concat([encode('{"entries":['), ...texts.flatMap((text, i) => (i === 0 ? [text] : [encode(","), text])), encode("]}")]),
  );
}

function replayOf({ manifest, base }: Kept, entries: readonly Entry[]) {
  const batches = batchesOf(entries);
  return attempt(() =>
    collect(
      replay({
        base: base && (async () => inChunks(base)),
        baseIsAliasFree: manifest.baseIsAliasFree,
        journal: { batches: () => batches.keys(), read: (batch) => batches[batch]!.slice() },
        manifestTime: goTime(manifest.endedAt),
        cliVersion: manifest.cliVersion,
      }).chunks,
    ),
  );
}

async function attempt(work: () => Promise<string>): Promise<{ text: string } | { error: string }> {
  try {
    return { text: await work() };
  } catch (error) {
    return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** Copies, because a reader may release the memory of a chunk. */
async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.slice(at, at + 65_536);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk.slice());
  return decodeText(concat(pieces));
}

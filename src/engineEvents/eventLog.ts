import { once, readRange, writeObject } from "../stacks/objects.ts";
import { concat, decodeText, encode } from "../state/json/json.ts";
import { type EngineEvent, kindOf, sequenceOf } from "./engineEvents.ts";
import { EventPage, type EventQuery } from "./eventPage.ts";

/**
 * Stores the events of an ended update in R2: `events/<update id>.jsonl` has a line for each event in ascending order, and `events/<update
 * id>.index.json` has the positions of blocks of lines. The log is written first, so if the index exists, the log does too.
 */
const logKey = (updateId: string) => `events/${updateId}.jsonl`;
const indexKey = (updateId: string) => `events/${updateId}.index.json`;

interface LogIndex {
  /** Size of the log in bytes. */
  size: number;
  /** For each block the number of its first event, its offset, and the kinds of its events as in `EventQuery`. */
  blocks: [sequence: number, offset: number, kinds: number][];
}

/** A block ends after this many bytes. */
const BLOCK = 64 * 1024;

export interface LoggedEvent {
  sequence: number;
  kind: number;
  line: Uint8Array;
}

/** Writes events, which must be in ascending order. Only one part of the upload is in memory. */
export async function writeEventLog(bucket: R2Bucket, updateId: string, events: AsyncIterable<LoggedEvent>): Promise<void> {
  const index: LogIndex = { size: 0, blocks: [] };
  await writeObject(bucket, logKey(updateId), indexed(events, index));
  if (index.blocks.length > 0) await writeObject(bucket, indexKey(updateId), once(encode(JSON.stringify(index))));
}

async function* indexed(events: AsyncIterable<LoggedEvent>, index: LogIndex): AsyncGenerator<Uint8Array> {
  for await (const { sequence, kind, line } of events) {
    let block = index.blocks.at(-1);
    if (!block || index.size - block[1] >= BLOCK) index.blocks.push((block = [sequence, index.size, 0]));
    block[2] = (block[2] | (1 << kind)) >>> 0;
    index.size += line.length + 1;
    yield line;
    yield encode("\n");
  }
}

/** Reads a page of the log. An update without a log had no events. */
export async function readEventLog(bucket: R2Bucket, updateId: string, query: EventQuery): Promise<EventPage> {
  const page = new EventPage(query);
  const index = await readIndex(bucket, updateId);
  for (const { offset, length } of index ? rangesOf(index, query) : []) {
    for await (const line of linesIn(await readRange(bucket, logKey(updateId), offset, length))) {
      const text = decodeText(line);
      const event = JSON.parse(text) as EngineEvent;
      const sequence = sequenceOf(event) ?? 0;
      if (page.wants({ sequence, kind: kindOf(event) }) && !page.add(sequence, text)) return page;
    }
  }
  return page;
}

async function readIndex(bucket: R2Bucket, updateId: string): Promise<LogIndex | undefined> {
  const body = await readRange(bucket, indexKey(updateId));
  return body && (await new Response(body).json<LogIndex>());
}

/** Approximate number of bytes of the log that are fetched at a time. */
const RANGE = 4 * 1024 * 1024;

/** The parts of the log that may contain requested events. Adjacent blocks are one part. */
function rangesOf({ size, blocks }: LogIndex, { after, kinds }: EventQuery): { offset: number; length: number }[] {
  const first = Math.max(
    0,
    blocks.findLastIndex(([sequence]) => sequence <= after + 1),
  );
  const ranges: { offset: number; length: number }[] = [];
  for (const [i, [, offset, has]] of blocks.entries()) {
    if (i < first || (has & kinds) === 0) continue;
    const end = blocks[i + 1]?.[1] ?? size;
    const before = ranges.at(-1);
    if (before && before.offset + before.length === offset && before.length < RANGE) before.length = end - before.offset;
    else ranges.push({ offset, length: end - offset });
  }
  return ranges;
}

async function* linesIn(chunks: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  for await (const chunk of chunks ?? []) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield concat([...held, chunk.subarray(start, end)]);
      held = [];
      start = end + 1;
    }
    if (start < chunk.length) held.push(chunk.slice(start));
  }
}

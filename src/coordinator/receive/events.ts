import { Buffer } from "node:buffer";
import { badRequest, tooLarge } from "../../errors.ts";
import { claimedSize, encodingOf, inflate, receive, requireUtf8, useBody } from "../../http/body.ts";
import { parseJson } from "../../http/json.ts";
import { release } from "../../bytes/release.ts";
import { concat, encode } from "../../state/json/json.ts";
import type { InTime } from "./journal.ts";
import type { BodyStore } from "../storage/bodyStore.ts";
import type { Run } from "../storage/runs.ts";

/**
 * Maximum number of bytes of a gzipped batch that is checked on arrival. Larger batches, of resources with long texts, are stored
 * unchecked: to inflate and parse all of them would slow down the deployment (docs/performance.md). Readers skip a batch that they cannot
 * parse.
 */
const READ_ON_ARRIVAL = 64 * 1024;
/** Number of the last batches that are searched for the summary: up to three requests are under way at once (cli-protocol §4.9). */
const LAST = 4;
/** Bounds of the counts in a summary: they become part of a row of D1. The engine has about 20 operations. */
const MOST_FIGURES = 50;
const LONGEST_NAME = 100;

/** Stores a batch of engine events as received. */
export async function receiveEvents(run: Run, request: Request, received: BodyStore, inTime: InTime): Promise<void> {
  const limit = received.limits.batch;
  const encoding = encodingOf(request);
  const bytes = await receive(request, limit);
  try {
    if (encoding === "gzip" && bytes.length > READ_ON_ARRIVAL) {
      requireGzip(bytes);
      if (claimedSize(bytes) > limit) throw tooLarge("the inflated body", limit);
    } else if (eventsIn(inflate(bytes, encoding, limit)).length === 0) {
      throw badRequest("events must be a list that is not empty");
    }
    await inTime(() => received.append(run.updateId, "events", encoding, bytes));
  } finally {
    release(bytes);
  }
}

/** Stores the single event of an old client as a batch of one. */
export async function receiveEvent(run: Run, request: Request, received: BodyStore, inTime: InTime): Promise<void> {
  const limit = received.limits.batch;
  const body = await useBody(request, limit, ({ bytes }) => concat([encode('{"events":['), bytes, encode("]}")]));
  const [first, ...more] = eventsIn(body);
  if (!first || typeof first !== "object" || more.length > 0) throw badRequest("the body must be one event");
  await inTime(() => received.append(run.updateId, "events", "identity", body));
}

function requireGzip([first, second]: Uint8Array): void {
  if (first !== 0x1f || second !== 0x8b) throw badRequest("the body is not valid gzip");
}

/**
 * Returns the JSON of `summaryEvent.resourceChanges`, the only source of the counts in the history; null without such an event. It has at
 * most 50 counts, each with a name of at most 100 characters. An update must also end if its events cannot be read, so this does not throw.
 */
export function findResourceChanges(received: BodyStore, updateId: string): string | null {
  for (const batch of lastBatches(received, updateId)) {
    const bytes = tryToRead(received, updateId, batch);
    const changes = changesIn(bytes);
    release(bytes);
    if (changes) return JSON.stringify(countsOf(changes));
  }
  return null;
}

const SUMMARY = '"summaryEvent"';
/** Each event of the CLI begins with this text. */
const EVENT = '{"sequence":';
const HEAD = encode('{"events":[');

/**
 * Finds the counts of a batch. The client waits for this, and the events before the summary contain whole resources. So only the bytes from the last
 * summary on are parsed. The whole batch is parsed only if they do not have the form that the CLI sends.
 */
function changesIn(batch: Uint8Array): object | undefined {
  const text = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const found = text.lastIndexOf(SUMMARY);
  if (found < 0) return undefined;
  const begin = text.lastIndexOf(EVENT, found);
  return (begin > 0 ? changesOf([HEAD, batch.subarray(begin)]) : undefined) ?? changesOf([batch]);
}

function changesOf(pieces: Uint8Array[]): object | undefined {
  try {
    for (const event of eventsIn(concat(pieces))) {
      const changes = (event as { summaryEvent?: { resourceChanges?: unknown } } | null)?.summaryEvent?.resourceChanges;
      if (changes && typeof changes === "object") return changes;
    }
  } catch {
    // The batch was stored unchecked.
  }
  return undefined;
}

/** Keeps only valid counts: with any other value the CLI could not read the history. */
const countsOf = (changes: object) =>
  Object.fromEntries(
    Object.entries(changes)
      .filter(([name, count]) => name.length <= LONGEST_NAME && Number.isSafeInteger(count))
      .slice(0, MOST_FIGURES),
  );

function eventsIn(bytes: Uint8Array): unknown[] {
  const body = parseJson(requireUtf8(bytes));
  const events = (body as { events?: unknown } | null)?.events;
  return Array.isArray(events) ? events : [];
}

/** Returns no bytes if the batch cannot be inflated, because large batches are stored unchecked. */
/** Numbers of the last batches, the newest first. */
function lastBatches(received: BodyStore, updateId: string): number[] {
  try {
    return received.batches(updateId, "events").slice(-LAST).toReversed();
  } catch {
    return [];
  }
}

function tryToRead(received: BodyStore, updateId: string, batch: number): Uint8Array {
  try {
    return received.read(updateId, "events", batch);
  } catch {
    return new Uint8Array();
  }
}

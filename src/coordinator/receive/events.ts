import { badRequest, tooLarge } from "../../errors.ts";
import { encodingOf, inflate, receive, requireUtf8, useBody } from "../../http/body.ts";
import { parseJson } from "../../http/json.ts";
import { free } from "../../bytes/release.ts";
import { concat, encode } from "../../state/json/json.ts";
import type { InTime } from "./journal.ts";
import type { Received } from "../storage/bodyStore.ts";
import type { Run } from "../storage/runs.ts";

/**
 * Bytes as they come. Larger gzipped batches, of resources with long texts, are stored unread: to inflate and parse them
 * all would slow the deployment that they only tell of (docs/performance.md). What proves unreadable later is left out.
 */
const READ_ON_ARRIVAL = 64 * 1024;
/** The summary is among the last events; up to three requests are under way at once (cli-protocol §4.9). */
const LAST = 4;
/** Bounds of the figures of a summary. The engine has some 20 operations; the text becomes part of a row of D1. */
const MOST_FIGURES = 50;
const LONGEST_NAME = 100;

/** Engine events: kept as they come. */
export async function receiveEvents(run: Run, request: Request, received: Received, inTime: InTime): Promise<void> {
  const limit = received.limits.batch;
  const encoding = encodingOf(request);
  const bytes = await receive(request, limit);
  try {
    if (encoding === "gzip" && bytes.length > READ_ON_ARRIVAL) {
      if (claimedSize(bytes) > limit) throw tooLarge("the inflated body", limit);
    } else if (eventsIn(inflate(bytes, encoding, limit)).length === 0) {
      throw badRequest("events must be a list that is not empty");
    }
    await inTime(() => received.append(run.updateId, "events", encoding, bytes));
  } finally {
    free(bytes);
  }
}

/** One event, as clients sent them long ago. Kept as a batch of one. */
export async function receiveEvent(run: Run, request: Request, received: Received, inTime: InTime): Promise<void> {
  const limit = received.limits.batch;
  const body = await useBody(request, limit, ({ bytes }) => concat([encode('{"events":['), bytes, encode("]}")]));
  const [first, ...more] = eventsIn(body);
  if (!first || typeof first !== "object" || more.length > 0) throw badRequest("the body must be one event");
  await inTime(() => received.append(run.updateId, "events", "identity", body));
}

/** Inflated bytes, as gzip's last four bytes say. @throws 400 for what is not gzip at all */
function claimedSize(gzip: Uint8Array): number {
  if (gzip[0] !== 0x1f || gzip[1] !== 0x8b) throw badRequest("the body is not valid gzip");
  return new DataView(gzip.buffer, gzip.byteOffset, gzip.length).getUint32(gzip.length - 4, true);
}

/**
 * JSON of `summaryEvent.resourceChanges`, the only source of the history's figures; null when it never came. At most 50 figures,
 * each with a name of at most 100 characters.
 */
export function findResourceChanges(received: Received, updateId: string): string | null {
  for (const batch of received.batches(updateId, "events").slice(-LAST).toReversed()) {
    for (const event of tryEventsIn(received, updateId, batch)) {
      const changes = (event as { summaryEvent?: { resourceChanges?: unknown } } | null)?.summaryEvent?.resourceChanges;
      if (changes && typeof changes === "object") return JSON.stringify(countsOf(changes));
    }
  }
  return null;
}

/** The history must stay readable: a figure that is no number would spoil all of it for the CLI. */
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

function tryEventsIn(received: Received, updateId: string, batch: number): unknown[] {
  try {
    return eventsIn(received.read(updateId, "events", batch));
  } catch {
    return [];
  }
}

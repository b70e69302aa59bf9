/** Reads engine events from their text (cli-protocol §4.9). Pure. */
import { OPEN_OBJECT, parse, readArray, rewrite, skipSpace, skipValue, visitMembers } from "../state/json/json.ts";
import type { Ref } from "../state/replay/resourceRef.ts";

/**
 * The payloads that an event may have, in the order of the public contract. The contract filters by numeric codes, but does not list them;
 * ours are the positions in this list, from 1. 0 is an unknown payload.
 */
export const eventKinds = [
  "cancelEvent",
  "stdoutEvent",
  "diagnosticEvent",
  "preludeEvent",
  "summaryEvent",
  "resourcePreEvent",
  "resOutputsEvent",
  "resOpFailedEvent",
  "policyEvent",
  "policyRemediationEvent",
  "policyLoadEvent",
  "policyAnalyzeSummaryEvent",
  "policyRemediateSummaryEvent",
  "policyAnalyzeStackSummaryEvent",
  "startDebuggingEvent",
  "progressEvent",
  "errorEvent",
] as const;

export type EngineEvent = Record<string, unknown>;

/** Position of an event in the batches of its update. */
export interface EventRef extends Ref {
  sequence: number;
  /** Position in `eventKinds` from 1; 0 for an unknown payload. */
  kind: number;
}

/** The number that the client gave the event; undefined if it has none, so that it cannot be ordered. */
export const sequenceOf = (event: EngineEvent): number | undefined =>
  Number.isSafeInteger(event["sequence"]) && (event["sequence"] as number) >= 0 ? (event["sequence"] as number) : undefined;

export const kindOf = (event: EngineEvent): number => eventKinds.findIndex((name) => isObject(event[name])) + 1;

/** URN of the resource that an event is about, or undefined. */
export function urnOf(event: EngineEvent): unknown {
  const payload = event[payloadName(event)];
  if (!isObject(payload)) return undefined;
  return payload["urn"] ?? payload["resourceUrn"] ?? (isObject(payload["metadata"]) ? payload["metadata"]["urn"] : undefined);
}

/** The events of a batch `{events: […]}` with their positions in it. @throws StateError for invalid JSON */
export function eventsInBatch(bytes: Uint8Array, batch: number): EventRef[] {
  parse(bytes);
  let found: EventRef[] = [];
  visitMembers(bytes, skipSpace(bytes, 0), (key, value) => {
    if (key !== "events") return skipValue(bytes, value);
    found = [];
    return readArray(bytes, value, (start) => {
      const end = skipValue(bytes, start);
      const event = bytes[start] === OPEN_OBJECT ? (parse(bytes.subarray(start, end)) as EngineEvent) : {};
      const sequence = sequenceOf(event);
      if (sequence !== undefined) found.push({ sequence, kind: kindOf(event), batch, start, end });
      return end;
    });
  });
  return found;
}

/**
 * Returns the event on one line, with a member `type`, the name of its payload. The public contract adds this member to the event that the
 * client sent. The rest of the text does not change.
 */
export function lineOf(text: Uint8Array): Uint8Array {
  const type = payloadName(parse(text) as EngineEvent);
  const line = rewrite(text, new Map([["type", JSON.stringify(type)]]));
  // In a JSON string line breaks are escaped, so these are white space.
  if (!line.includes(LF) && !line.includes(CR)) return line;
  return line.map((byte) => (byte === LF || byte === CR ? 0x20 : byte));
}

const LF = 0x0a;
const CR = 0x0d;

function payloadName(event: EngineEvent): string {
  const kind = kindOf(event);
  if (kind > 0) return eventKinds[kind - 1]!;
  return Object.keys(event).find((key) => key.endsWith("Event")) ?? "unknownEvent";
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The bodies of delta checkpoints, second version (cli-protocol §4.7.1 and §4.7.2). */
import { StateError } from "./errors.ts";
import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_OBJECT,
  QUOTE,
  concat,
  decodeString,
  encode,
  parse,
  parseText,
  scanFrom,
  scanValue,
  skipSpace,
} from "./json/json.ts";
import { type Streamed, streamed } from "../bytes/output.ts";
import type { Edit } from "./pieces.ts";

export interface Delta {
  sequenceNumber: number;
  /** SHA-256 of the text after the edits, in lower-case hex. */
  hash: string;
  edits: Edit[];
  /** What the edits bring in, one after the other. */
  added: Uint8Array;
}

/** @throws StateError, also for the line-based edits of very old clients, whose offsets are negative */
export function readDelta(text: string): Delta {
  const body = object(parseText(text));
  const hash = body["checkpointHash"];
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) throw new StateError("checkpointHash must be 64 hex digits");
  const list = body["deploymentDelta"] ?? [];
  if (!Array.isArray(list)) throw new StateError("deploymentDelta must be a list");
  const pieces: Uint8Array[] = [];
  const edits = list.map((item): Edit => {
    const { Span, NewText } = object(item);
    const span = object(Span);
    const bytes = encode(typeof NewText === "string" ? NewText : "");
    pieces.push(bytes);
    return { start: offset(span["start"]), end: offset(span["end"]), size: bytes.length };
  });
  return { sequenceNumber: sequence(body["sequenceNumber"]), hash, edits, added: concat(pieces) };
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new StateError("an object is expected in a delta checkpoint");
  return value as Record<string, unknown>;
}

function offset(point: unknown): number {
  const bytes = object(point)["offset"] ?? 0;
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw new StateError("the offset of a span must be a number of bytes");
  return bytes as number;
}

function sequence(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new StateError("sequenceNumber must be an integer of at least 1");
  return value as number;
}

const VALUE = "untypedDeployment";
/** Bytes around the value: two numbers, and what a later client may add. */
const AROUND = 64 * 1024;

/**
 * The exact bytes of `untypedDeployment` in the body of a verbatim checkpoint, as they come, each chunk good until the next is asked for. Nothing
 * of the value is read but where it ends. Throws StateError.
 */
export const cutVerbatim = (chunks: AsyncIterable<Uint8Array>): Streamed<{ sequenceNumber: number }> => streamed(cut(chunks));

async function* cut(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, { sequenceNumber: number }> {
  let where: "before" | "inside" | "behind" = "before";
  /** Everything but the value. */
  let around: Uint8Array[] = [];
  let held: Uint8Array = new Uint8Array(0);
  const scan = scanFrom(0);
  for await (const chunk of chunks) {
    held = held.length > 0 ? concat([held, chunk]) : chunk;
    if (where === "before") {
      const start = findValue(held);
      if (start < 0 && held.length > AROUND) throw new StateError(`${VALUE} is missing`);
      if (start < 0) {
        held = held.slice(); // the chunk's buffer is its sender's
        continue;
      }
      around = [held.slice(0, start), encode("null")];
      held = held.subarray(start);
      where = "inside";
    }
    if (where === "inside") {
      const complete = scanValue(held, scan);
      const end = complete ? scan.at : held.length - openEscape(held, scan.inString);
      if (end > 0) yield held.subarray(0, end);
      held = held.slice(end);
      scan.at = 0;
      if (!complete) continue;
      where = "behind";
    }
    if (held.length > AROUND) throw new StateError(`there is too much behind ${VALUE}`);
    held = held.slice();
  }
  if (where !== "behind") throw new StateError("invalid JSON: the checkpoint is not complete");
  const body = object(parse(concat([...around, held])));
  if (body[VALUE] !== null) throw new StateError(`the checkpoint has two members "${VALUE}"`);
  return { sequenceNumber: sequence(body["sequenceNumber"]) };
}

/** A backslash at the end of the bytes belongs to what comes next, unless it is the second of a pair. */
function openEscape(bytes: Uint8Array, inString: boolean): number {
  if (!inString) return 0;
  let first = bytes.length;
  while (bytes[first - 1] === 0x5c) first--;
  return (bytes.length - first) % 2;
}

/** Where the value begins; -1 when more bytes are needed to know. */
function findValue(head: Uint8Array): number {
  const token = (at: number, expected: number): number => {
    if (at < head.length && head[at] !== expected) throw new StateError(`invalid JSON: expected ${String.fromCharCode(expected)}`);
    return skipSpace(head, at + 1);
  };
  let at = token(skipSpace(head, 0), OPEN_OBJECT);
  while (at < head.length) {
    const key = scanFrom(at);
    if (head[at] !== QUOTE) throw new StateError("invalid JSON: expected a key");
    if (!scanValue(head, key)) return -1;
    const isIt = decodeString(head, at, key.at) === VALUE;
    at = token(skipSpace(head, key.at), COLON);
    if (at >= head.length) return -1;
    if (isIt && head[at] !== OPEN_OBJECT) throw new StateError(`${VALUE} must be an object`);
    if (isIt) return at;
    const value = scanFrom(at);
    if (!scanValue(head, value) || value.at === at) return -1;
    at = skipSpace(head, value.at);
    if (head[at] === CLOSE_OBJECT) throw new StateError(`${VALUE} is missing`);
    at = token(at, COMMA);
  }
  return -1;
}

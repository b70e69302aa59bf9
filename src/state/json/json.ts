/**
 * Reads JSON as bytes. A state is handled as text: unchanged parts are copied byte for byte, so that numbers above 2^53, the order of keys,
 * escapes and keys like `__proto__` stay as they are. These functions only find where values begin and end. They do not validate: for
 * invalid JSON the result is a wrong range or a StateError, and never an endless loop.
 */
import { StateError, StateTooLarge } from "../errors.ts";
import { MOST_VALUES, shapeFault } from "../shape.ts";
import { decodeAscii, decodeUtf8 } from "../../bytes/utf8.ts";

export interface Range {
  start: number;
  end: number;
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BACKSLASH = 0x5c;

const encoder = new TextEncoder();

export const encode = (text: string) => encoder.encode(text);

/** Decodes UTF-8. Throws StateError for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new StateError("invalid UTF-8");
  }
}

/** Parses UTF-8 bytes as JSON. Throws StateError for other bytes. */
export function parse(bytes: Uint8Array): unknown {
  return parseText(decodeText(bytes));
}

/** A text of fewer characters is not checked first: it cannot need much memory, and journal entries must be handled fast. */
const SMALL = 128 * 1024;

/** JSON.parse with our own error: the parser's message quotes the text, which may contain secrets. */
export function parseText(text: string): unknown {
  if (text.length > SMALL && shapeFault(text)) throw new StateTooLarge(`more than ${MOST_VALUES} values in one part`);
  try {
    return JSON.parse(text);
  } catch {
    throw new StateError("invalid JSON");
  }
}

/** Decodes a string token; the range includes its quotes. */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  if (bytes[start] !== QUOTE) throw new StateError("invalid JSON: expected a string");
  for (let i = start + 1; i < end - 1; i++) {
    const c = bytes[i]!;
    if (c < 0x20 || c > 0x7e || c === BACKSLASH) return parse(bytes.subarray(start, end)) as string;
  }
  const plain = bytes.subarray(start + 1, end - 1);
  return plain.length < 64 ? String.fromCharCode.apply(null, plain as unknown as number[]) : decodeAscii(plain);
}

export function skipSpace(bytes: Uint8Array, at: number): number {
  let c = bytes[at];
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = bytes[++at];
  return at;
}

/** Position within a value, so that reading can continue when more bytes have arrived. */
export interface Scan {
  /** The next byte to read. */
  at: number;
  /** Number of open brackets of both kinds. Whether they match is checked by the validation. */
  depth: number;
  /** Whether the position is within a string. */
  inString: boolean;
}

export const scanFrom = (at: number): Scan => ({ at, depth: 0, inString: false });

/**
 * Continues reading a value. The scan must have started at its first byte, which is not white space. Returns true when the value is
 * complete; `scan.at` is then the position after it. Returns false when the bytes end first; a number or literal may be complete
 * nevertheless.
 */
export function scanValue(bytes: Uint8Array, scan: Scan): boolean {
  let { at, depth } = scan;
  if (scan.inString) {
    at = stringEnd(bytes, at);
    if (at < 0) return stop(scan, bytes.length, depth, true);
    if (depth === 0) return !stop(scan, at, 0, false);
  }
  while (at < bytes.length) {
    const c = bytes[at]!;
    if (c === QUOTE) {
      const end = stringEnd(bytes, at + 1);
      if (end < 0) return stop(scan, bytes.length, depth, true);
      at = end;
      if (depth === 0) return !stop(scan, at, 0, false);
      continue;
    }
    // `[` and `{`, and `]` and `}`, differ in one bit.
    const bracket = c | 0x20;
    if (bracket === OPEN_OBJECT) depth++;
    else if (bracket === CLOSE_OBJECT) {
      if (depth === 0) return !stop(scan, at, 0, false);
      if (--depth === 0) return !stop(scan, at + 1, 0, false);
    } else if (depth === 0 && (c === COMMA || c <= 0x20)) return !stop(scan, at, 0, false);
    at++;
  }
  return stop(scan, at, depth, false);
}

function stop(scan: Scan, at: number, depth: number, inString: boolean): false {
  scan.at = at;
  scan.depth = depth;
  scan.inString = inString;
  return false;
}

/** Position after the closing quote of the string that has been read up to `at`; -1 when the bytes end first. */
function stringEnd(bytes: Uint8Array, at: number): number {
  for (;;) {
    const quote = findQuote(bytes, at);
    if (quote < 0) return -1;
    let first = quote;
    while (bytes[first - 1] === BACKSLASH) first--;
    if ((quote - first) % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Position of the next quote. A loop is faster than the native search for the first bytes, and most strings are short. */
function findQuote(bytes: Uint8Array, at: number): number {
  const near = Math.min(at + 24, bytes.length);
  for (; at < near; at++) if (bytes[at] === QUOTE) return at;
  return bytes.indexOf(QUOTE, at);
}

/** The position after the value at `at`. */
export function skipValue(bytes: Uint8Array, at: number): number {
  const scan = scanFrom(at);
  const complete = scanValue(bytes, scan);
  if (scan.at === at || (!complete && (scan.depth > 0 || scan.inString)))
    throw new StateError("invalid JSON: a value is missing or not complete");
  return scan.at;
}

function expect(bytes: Uint8Array, at: number, token: number): number {
  if (bytes[at] !== token) throw new StateError(`invalid JSON: expected ${String.fromCharCode(token)}`);
  return at + 1;
}

/**
 * Visits the members of the object at `at` and returns the object's end. `visit` receives the key, the start of the value and the start of
 * the key, and returns the end of the value. A repeated key is visited each time; the last one should win. A value that is not an object
 * counts as an object without members, so that a replay cannot fail because of data that was accepted.
 */
export function visitMembers(bytes: Uint8Array, at: number, visit: (key: string, value: number, start: number) => number): number {
  if (bytes[at] !== OPEN_OBJECT) return skipValue(bytes, at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    const start = at;
    const end = skipValue(bytes, at);
    const key = decodeString(bytes, start, end);
    at = skipSpace(bytes, expect(bytes, skipSpace(bytes, end), COLON));
    at = skipSpace(bytes, visit(key, at, start));
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    at = skipSpace(bytes, expect(bytes, at, COMMA));
  }
}

/** Visits the elements of the array at `at`, as `visitMembers` does for members. */
export function readArray(bytes: Uint8Array, at: number, visit: (value: number) => number): number {
  if (bytes[at] !== OPEN_ARRAY) return skipValue(bytes, at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_ARRAY) return at + 1;
  for (;;) {
    at = skipSpace(bytes, visit(at));
    if (bytes[at] === CLOSE_ARRAY) return at + 1;
    at = skipSpace(bytes, expect(bytes, at, COMMA));
  }
}

/** The text of each member of an object. The bytes must begin with the object's bracket. */
export function membersOf(object: Uint8Array): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  visitMembers(object, 0, (key, value) => {
    const end = skipValue(object, value);
    members.set(key, object.subarray(value, end));
    return end;
  });
  return members;
}

/** New JSON texts of members; null removes the member. */
export type Edits = Map<string, string | null>;

/**
 * Sets or removes members in an object's text and keeps all other bytes. New members come last. Any other value than an object is
 * unchanged.
 */
export function rewrite(object: Uint8Array, edits: Edits): Uint8Array {
  if (object[0] !== OPEN_OBJECT) return object;
  const out: Uint8Array[] = [];
  const missing = new Map(edits);
  const open = 1;
  let last = open; // the end of the last member that was read
  let any = false;
  const end = visitMembers(object, 0, (key, value, start) => {
    const valueEnd = skipValue(object, value);
    const edit = edits.get(key);
    missing.delete(key);
    if (edit !== null) {
      // This copies the white space and the comma before the member. A member that has become the first one needs no comma.
      if (any || last === open) out.push(object.subarray(last, start));
      any = true;
      if (edit === undefined) out.push(object.subarray(start, valueEnd));
      else out.push(object.subarray(start, value), encode(edit));
    }
    last = valueEnd;
    return valueEnd;
  });
  for (const [key, text] of missing) {
    if (text === null) continue;
    out.push(encode(`${any ? "," : ""}${JSON.stringify(key)}:${text}`));
    any = true;
  }
  return concat([object.subarray(0, open), ...out, object.subarray(last, end)]);
}

export function concat(pieces: Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

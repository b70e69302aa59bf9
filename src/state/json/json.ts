/**
 * JSON as bytes. State is text: what we do not have to change is copied byte for byte, so that numbers beyond 2^53, key
 * order, escapes and keys like `__proto__` survive. These functions find where values begin and end, and no more.
 * They do not validate: text that is not JSON gives a wrong cut or a StateError, never an endless loop.
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

/** UTF-8 to text. Throws StateError on bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new StateError("invalid UTF-8");
  }
}

/** JSON.parse of UTF-8 bytes. Throws StateError on anything else. */
export function parse(bytes: Uint8Array): unknown {
  return parseText(decodeText(bytes));
}

/** A shorter text cannot need much memory, and an entry of a journal must not wait. Characters. */
const SMALL = 128 * 1024;

/** JSON.parse with our error. The parser's own message is left out: it quotes the text, which may hold secrets. */
export function parseText(text: string): unknown {
  if (text.length > SMALL && shapeFault(text)) throw new StateTooLarge(`more than ${MOST_VALUES} values in one part`);
  try {
    return JSON.parse(text);
  } catch {
    throw new StateError("invalid JSON");
  }
}

/** A string token, quotes included, as the string it stands for. */
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

/** How far a value has been read, so that reading can go on when more bytes have come. */
export interface Scan {
  /** The next byte to look at. */
  at: number;
  /** Open brackets, of both kinds: whether they match is for the validation. */
  depth: number;
  /** Within a string whose closing quote has not been seen. */
  inString: boolean;
}

export const scanFrom = (at: number): Scan => ({ at, depth: 0, inString: false });

/**
 * Reads on in the value that began at the scan's first position, which must not be white space. True when it is
 * complete: `scan.at` is then just behind it. False when the bytes end first; a number or literal may be complete even so.
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

/** Just behind the closing quote of the string that has been read up to `at`; -1 when the bytes end first. */
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

/** Most strings are short, where a loop is quicker than the native search; the long ones must not be walked in JavaScript. */
function findQuote(bytes: Uint8Array, at: number): number {
  const near = Math.min(at + 24, bytes.length);
  for (; at < near; at++) if (bytes[at] === QUOTE) return at;
  return bytes.indexOf(QUOTE, at);
}

/** The position just behind the value at `at`. */
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
 * Walks over the members of the object at `at`. `visit` is told the key, where the value begins and where the key does,
 * and returns where the value ends. A repeated key is visited each time: the last one wins. Returns the object's end.
 * A value that is not an object has no members: what has been accepted must not make a replay fail later.
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

/** Walks over the elements of the array at `at`, as `visitMembers` does over members. */
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

/** The text of each member of an object, which begins with its bracket. */
export function membersOf(object: Uint8Array): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  visitMembers(object, 0, (key, value) => {
    const end = skipValue(object, value);
    members.set(key, object.subarray(value, end));
    return end;
  });
  return members;
}

/** The JSON text that a member shall have; null removes the member. */
export type Edits = Map<string, string | null>;

/** An object's text with some members set or removed; every other byte is kept. New members come last. Any other value stays as it is. */
export function rewrite(object: Uint8Array, edits: Edits): Uint8Array {
  if (object[0] !== OPEN_OBJECT) return object;
  const out: Uint8Array[] = [];
  const missing = new Map(edits);
  const open = 1;
  let last = open; // behind the last member read, kept or not
  let any = false;
  const end = visitMembers(object, 0, (key, value, start) => {
    const valueEnd = skipValue(object, value);
    const edit = edits.get(key);
    missing.delete(key);
    if (edit !== null) {
      // White space and comma before the member; a member that has become the first one needs no comma.
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

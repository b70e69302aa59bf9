import { QUOTE, concat } from "./json/json.ts";

const BACKSLASH = 0x5c;
/** A text of at least this many bytes is shortened. */
const LARGE = 1024 * 1024;
/** A string of more than this many bytes is shortened. */
const LONG = 1024;

/**
 * Shortens the long strings in a JSON text before it is parsed. The result is valid JSON exactly if the text is, and all other values are
 * the same. Parsing a large text would create long strings, mostly ciphertexts, which stay in memory until the next garbage collection.
 */
export function shortened(json: Uint8Array, large = LARGE, long = LONG): Uint8Array {
  if (json.length < large) return json;
  const pieces: Uint8Array[] = [];
  let last = 0;
  for (let at = json.indexOf(QUOTE); at >= 0; at = json.indexOf(QUOTE, at)) {
    const end = stringEnd(json, at + 1);
    if (end < 0) break;
    if (end - at > long && isPlain(json, at + 1, end)) {
      // One character stays, because an empty string may have another meaning.
      pieces.push(json.subarray(last, at + 2));
      last = end;
    }
    at = end + 1;
  }
  return concat([...pieces, json.subarray(last)]);
}

/** The position of the closing quote of the string whose text begins at `at`; -1 when there is none. */
function stringEnd(json: Uint8Array, at: number): number {
  for (;;) {
    const quote = json.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    let first = quote;
    while (first > at && json[first - 1] === BACKSLASH) first--;
    if ((quote - first) % 2 === 0) return quote;
    at = quote + 1;
  }
}

/** Whether these are printable ASCII characters without a backslash, so that they are valid in any JSON string. */
function isPlain(json: Uint8Array, at: number, end: number): boolean {
  for (; at < end; at++) {
    const c = json[at]!;
    if (c < 0x20 || c > 0x7e || c === BACKSLASH) return false;
  }
  return true;
}

/** Texts on a page, measured in bytes of HTML: a quotation mark takes six. Pure. */

const escaped: Record<number, number> = { 0x22: 6, 0x26: 5, 0x27: 5, 0x3c: 4, 0x3e: 4 };

/** Bytes of the character at this index: escaped for HTML, in UTF-8. Each half of a surrogate pair counts as two. */
function bytesAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 0x80) return escaped[code] ?? 1;
  if (code < 0x800) return 2;
  return code >= 0xd800 && code <= 0xdfff ? 2 : 3;
}

/** Bytes that a text takes on a page. */
export function pageBytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) bytes += bytesAt(text, at);
  return bytes;
}

/** Cuts a text to a number of bytes on a page, with an ellipsis at its end. */
export function cut(text: string, room: number): string {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    bytes += bytesAt(text, at);
    if (bytes > room) return `${text.slice(0, isHighHalf(text, at - 1) ? at - 1 : at)}…`;
  }
  return text;
}

/** A cut never leaves half of a surrogate pair. */
const isHighHalf = (text: string, at: number) => at >= 0 && (text.charCodeAt(at) & 0xfc00) === 0xd800;

/** The first entries that fit on a page. @param bytes bytes of one entry, with its markup */
export function fill<T>(entries: readonly T[], room: number, bytes: (entry: T) => number): { shown: T[]; more: number } {
  let left = room;
  const end = entries.findIndex((entry) => (left -= bytes(entry)) < 0);
  const shown = end < 0 ? [...entries] : entries.slice(0, end);
  return { shown, more: entries.length - shown.length };
}

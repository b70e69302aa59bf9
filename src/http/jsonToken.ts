import { CLOSE_OBJECT, COMMA, OPEN_OBJECT, QUOTE } from "../state/json/json.ts";

const BACKSLASH = 0x5c;

/** Finds the end of one JSON value whose text arrives in chunks, without keeping the chunks. It does not validate. */
export class JsonToken {
  #depth = 0;
  #inString = false;
  /** The next byte follows a backslash. */
  #isEscaped = false;
  #begun = false;

  /** @returns the position after the value, or undefined when it continues in the next chunk */
  read(bytes: Uint8Array, at: number): number | undefined {
    while (at < bytes.length) {
      if (this.#inString) {
        at = this.#readString(bytes, at);
        if (!this.#inString && this.#depth === 0) return at;
        continue;
      }
      const c = bytes[at]!;
      // `[` and `{` differ in one bit, as do `]` and `}`.
      const bracket = c | 0x20;
      if (this.#depth === 0 && this.#begun && (c === COMMA || c <= 0x20 || bracket === CLOSE_OBJECT)) return at;
      this.#begun = true;
      at++;
      if (c === QUOTE) this.#inString = true;
      else if (bracket === OPEN_OBJECT) this.#depth++;
      else if (bracket === CLOSE_OBJECT && --this.#depth <= 0) return at;
    }
    return undefined;
  }

  /** @returns the position after the string's closing quote, or the end of the chunk */
  #readString(bytes: Uint8Array, at: number): number {
    // Find the next quote only once: searching again after each backslash would read a text with many escapes many times.
    let end = -1;
    while (at < bytes.length) {
      if (this.#isEscaped) {
        this.#isEscaped = false;
        at++;
        continue;
      }
      // For long strings the native search is faster.
      if (end < at) {
        const quote = bytes.indexOf(QUOTE, at);
        end = quote < 0 ? bytes.length : quote;
      }
      const backslash = bytes.subarray(at, end).indexOf(BACKSLASH);
      if (backslash >= 0) {
        this.#isEscaped = true;
        at += backslash + 1;
        continue;
      }
      if (end === bytes.length) return end;
      this.#inString = false;
      return end + 1;
    }
    return at;
  }
}

/**
 * Reads the strings in one member of a JSON object while the object arrives, so that only one string is in memory, whatever the body's
 * length.
 */
import { type AppError, badRequest, tooLarge } from "../errors.ts";
import { StateError } from "../state/errors.ts";
import { release } from "../bytes/release.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  concat,
  decodeString,
  decodeText,
  parseText,
  skipSpace,
} from "../state/json/json.ts";
import { JsonToken } from "./jsonToken.ts";

export interface StringsOptions {
  /** Name of the member. */
  member: string;
  /** The member is a list of any length; null or an absent member is an empty list. Else the member is one string. */
  isList: boolean;
  /** Maximum number of bytes of one string's text. */
  most: number;
  /** Maximum number of bytes of everything else: white space, commas, other members. */
  mostBeside: number;
  /** The message of the error when a string is longer. */
  tooLong: () => AppError;
}

/**
 * Reads the strings, in groups as they arrive. Other members are skipped. @throws 400 for an invalid body, 413 for a string that is too
 * long
 */
export async function* stringsIn(chunks: AsyncIterable<Uint8Array>, options: StringsOptions): AsyncGenerator<string[]> {
  const reader = new StringsReader(options);
  for await (const chunk of chunks) {
    const strings = reader.push(chunk);
    if (strings.length > 0) yield strings;
  }
  reader.end();
}

/** What is expected next. */
type State = "start" | "firstKey" | "key" | "colon" | "value" | "afterValue" | "firstElement" | "element" | "afterElement" | "end";

type Place = "key" | "value" | "element";

class StringsReader {
  readonly #options: StringsOptions;
  #state: State = "start";
  /** The token that is being read, and its position. */
  #token: JsonToken | undefined;
  #place: Place = "key";
  /** Parts of the token from earlier chunks. */
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** Bytes of the body so far that are not part of the strings. */
  #beside = 0;
  #key = "";
  #seen = false;
  #isEmpty = true;
  #strings: string[] = [];

  constructor(options: StringsOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): string[] {
    this.#strings = [];
    let at = 0;
    while (at < chunk.length) {
      const before = at;
      const isOurs = this.#token !== undefined && this.#place !== "key" && this.#isOurs();
      at = this.#token ? this.#read(chunk, at) : this.#step(chunk, skipSpace(chunk, at));
      if (!isOurs) this.#beside += at - before;
      if (this.#beside > this.#options.mostBeside) throw tooLarge(`the body without its ${this.#options.member}`, this.#options.mostBeside);
    }
    return this.#strings;
  }

  end(): void {
    // Clients send no body at all for an empty object (cli-protocol trap 8).
    if (this.#state !== "end" && !(this.#state === "start" && this.#isEmpty)) throw malformed();
    const { isList, member } = this.#options;
    if (!isList && !this.#seen) throw badRequest(`${member} must be a string`);
  }

  /** Handles a bracket, comma or colon, or starts a token. @returns the position to continue at */
  #step(chunk: Uint8Array, at: number): number {
    const c = chunk[at];
    if (c === undefined) return at;
    this.#isEmpty = false;
    const go = (next: State): number => {
      this.#state = next;
      return at + 1;
    };
    switch (this.#state) {
      case "start":
        if (c !== OPEN_OBJECT) throw badRequest("the body must be a JSON object");
        return go("firstKey");
      case "firstKey":
        return c === CLOSE_OBJECT ? go("end") : this.#begin("key", chunk, at);
      case "key":
        return this.#begin("key", chunk, at);
      case "colon":
        if (c !== COLON) throw malformed();
        return go("value");
      case "value":
        return this.#isOurs() && this.#options.isList && c === OPEN_ARRAY ? go("firstElement") : this.#begin("value", chunk, at);
      case "afterValue":
        if (c !== COMMA && c !== CLOSE_OBJECT) throw malformed();
        return go(c === COMMA ? "key" : "end");
      case "firstElement":
        return c === CLOSE_ARRAY ? go("afterValue") : this.#begin("element", chunk, at);
      case "element":
        return this.#begin("element", chunk, at);
      case "afterElement":
        if (c !== COMMA && c !== CLOSE_ARRAY) throw malformed();
        return go(c === COMMA ? "element" : "afterValue");
      case "end":
        throw malformed();
    }
  }

  #isOurs = () => this.#key === this.#options.member;

  #begin(place: Place, chunk: Uint8Array, at: number): number {
    const isString = chunk[at] === QUOTE;
    if (place === "key" && !isString) throw malformed();
    if (place === "element" && !isString) throw badRequest(`${this.#options.member} must be a list of strings`);
    this.#token = new JsonToken();
    this.#place = place;
    return at;
  }

  /** Continues a token. */
  #read(chunk: Uint8Array, at: number): number {
    const end = this.#token!.read(chunk, at);
    const piece = chunk.subarray(at, end ?? chunk.length);
    this.#size += piece.length;
    if (this.#place !== "key" && this.#isOurs() && this.#size > this.#options.most) throw this.#options.tooLong();
    if (end === undefined) {
      this.#pieces.push(piece.slice());
      return chunk.length;
    }
    const pieces = this.#pieces;
    this.#token = undefined;
    this.#pieces = [];
    this.#size = 0;
    if (pieces.length === 0) this.#take(piece);
    else {
      const whole = concat([...pieces, piece]);
      for (const earlier of pieces) release(earlier);
      this.#take(whole);
      release(whole);
    }
    return end;
  }

  #take(bytes: Uint8Array): void {
    const value = parse(bytes);
    if (this.#place === "key") {
      this.#key = value as string;
      // Refuse a second member of this name: the strings of the first may already be processed.
      if (this.#isOurs() && this.#seen) throw badRequest(`the body has two members ${this.#key}`);
      this.#seen ||= this.#isOurs();
      this.#state = "colon";
    } else if (this.#place === "element") {
      this.#strings.push(value as string);
      this.#state = "afterElement";
    } else {
      if (this.#isOurs()) this.#takeMember(value);
      this.#state = "afterValue";
    }
  }

  #takeMember(value: unknown): void {
    const { member, isList } = this.#options;
    if (isList && value !== null) throw badRequest(`${member} must be a list of strings`);
    if (!isList && typeof value !== "string") throw badRequest(`${member} must be a string`);
    if (typeof value === "string") this.#strings.push(value);
  }
}

/** Decodes a long string without a second copy. */
function parse(bytes: Uint8Array): unknown {
  try {
    return bytes[0] === QUOTE ? decodeString(bytes, 0, bytes.length) : parseText(decodeText(bytes));
  } catch (error) {
    throw error instanceof StateError ? malformed() : error;
  }
}

const malformed = () => badRequest("the body is not valid JSON");

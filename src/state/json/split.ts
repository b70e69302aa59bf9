/**
 * Cuts the text of a deployment at the boundaries of its top-level arrays, as it arrives, so that no more than one
 * resource has to be in memory (cli-protocol §5.2 and §5.4; §4.6 for the checkpoint body).
 */
import { StateError, StateTooLarge } from "../errors.ts";
import { release } from "../../bytes/release.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  decodeString,
  parse,
  scanFrom,
  scanValue,
  skipSpace,
  type Scan,
} from "./json.ts";
import { shortened } from "../shorten.ts";

/**
 * A piece of an untyped deployment, in order of its text. `text` is the JSON text of a value, exactly as it came: a
 * view of the chunk or of our own buffer, good until the next chunk comes. To keep it, `slice()` it.
 */
export type Part =
  | { at: "resource" | "pendingOperation"; text: Uint8Array }
  /** Another member of `deployment`; also `resources` and `pending_operations` themselves when they are null. */
  | { at: "deployment"; key: string; text: Uint8Array }
  /** Another member of the outermost object; also `deployment` itself when it is null. */
  | { at: "envelope"; key: string; text: Uint8Array };

export interface SplitOptions {
  /** The largest resource, pending operation or other member, in bytes; over it StateTooLarge. 32 MiB; of trusted text, any. */
  maxElement?: number;
  /** The text is our own and was validated when we took it: do not parse each part once more. */
  trusted?: boolean;
}

/**
 * The parts of `{version, features?, deployment: {…}}` in batches, whatever the chunks and the order of keys.
 * Throws StateError when the text is not JSON of that shape. It does not demand any member: see `checkpoint.ts`.
 */
export async function* splitDeployment(chunks: AsyncIterable<Uint8Array>, options: SplitOptions = {}): AsyncGenerator<Part[]> {
  const splitter = new Splitter(options);
  for await (const chunk of chunks) {
    const parts = splitter.push(chunk);
    if (parts.length > 0) yield parts;
  }
  splitter.end();
}

const DEFAULT_MAX_ELEMENT = 32 * 1024 * 1024;
const ARRAYS = new Map<string, "resource" | "pendingOperation">([
  ["resources", "resource"],
  ["pending_operations", "pendingOperation"],
]);

/** What is expected next. */
type State =
  | "start"
  | "firstKey"
  | "key"
  | "insideKey"
  | "colon"
  | "value"
  | "inside"
  | "afterMember"
  | "firstElement"
  | "element"
  | "afterElement"
  | "end";

/** The push form of `splitDeployment`: give it each chunk, then call `end`. Unusable after it has thrown. */
export class Splitter {
  /** `deployment` is there, and an object. */
  hasDeployment = false;
  readonly #maxElement: number;
  readonly #trusted: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Holds what a chunk left over, and then the next chunk behind it. */
  #own = new Uint8Array(0);
  /** The beginning of the token or value being read; all before it is done with. */
  #at = 0;
  #state: State = "start";
  #where: "envelope" | "deployment" | "resource" | "pendingOperation" = "envelope";
  #key = "";
  #scan: Scan = scanFrom(0);
  readonly #seen = new Set<string>();
  #parts: Part[] = [];

  constructor(options: SplitOptions = {}) {
    this.#maxElement = options.maxElement ?? (options.trusted ? Infinity : DEFAULT_MAX_ELEMENT);
    this.#trusted = options.trusted ?? false;
  }

  push(chunk: Uint8Array): Part[] {
    this.#parts = [];
    this.#append(chunk);
    while (this.#step());
    this.#limit(this.#bytes.length - this.#at);
    this.#keepRest(chunk);
    return this.#parts;
  }

  /** To be called after the last chunk, when its parts are done with. */
  end(): void {
    release(this.#own);
    if (this.#state !== "end") throw new StateError("invalid JSON: the deployment is not complete");
  }

  /** Puts the chunk behind what is still needed. */
  #append(chunk: Uint8Array): void {
    if (this.#bytes.length === 0) {
      this.#bytes = chunk;
      return;
    }
    const rest = this.#bytes.length;
    const own = this.#reserve(rest + chunk.length);
    own.set(chunk, rest);
    this.#bytes = own.subarray(0, rest + chunk.length);
  }

  /** Lets go of the caller's chunk: what is still needed of it moves to our own buffer. */
  #keepRest(chunk: Uint8Array): void {
    const inChunk = this.#bytes === chunk;
    this.#bytes = this.#bytes.subarray(this.#at);
    this.#scan.at -= this.#at;
    this.#at = 0;
    if (inChunk && this.#bytes.length > 0) this.#bytes = this.#reserve(this.#bytes.length + chunk.length).subarray(0, this.#bytes.length);
  }

  /**
   * Our own buffer with room for `size` bytes, what is still needed at its front. It grows by doubling, so a value in many chunks is not copied for
   * each; and parts that were cut out of it are done with.
   */
  #reserve(size: number): Uint8Array {
    const before = this.#own;
    if (before.length < size) this.#own = new Uint8Array(Math.max(size, 2 * before.length));
    if (this.#bytes.buffer !== this.#own.buffer || this.#bytes.byteOffset > 0) this.#own.set(this.#bytes);
    if (before !== this.#own) release(before);
    return this.#own;
  }

  /** Reads one token, or on in one value. False when it needs more bytes. */
  #step(): boolean {
    if (this.#state === "inside") return this.#readValue();
    if (this.#state === "insideKey") return this.#readKey();
    const at = skipSpace(this.#bytes, this.#at);
    this.#at = at;
    const c = this.#bytes[at];
    if (c === undefined) return false;
    switch (this.#state) {
      case "start":
        return this.#take(c, OPEN_OBJECT, "firstKey");
      case "firstKey":
        return c === CLOSE_OBJECT ? this.#closeObject() : this.#beginKey(c);
      case "key":
        return this.#beginKey(c);
      case "colon":
        return this.#take(c, COLON, "value");
      case "value":
        return this.#enter(c);
      case "afterMember":
        return c === CLOSE_OBJECT ? this.#closeObject() : this.#take(c, COMMA, "key");
      case "firstElement":
        return c === CLOSE_ARRAY ? this.#closeArray() : this.#begin(c);
      case "element":
        return this.#begin(c);
      case "afterElement":
        return c === CLOSE_ARRAY ? this.#closeArray() : this.#take(c, COMMA, "element");
      case "end":
        throw new StateError("invalid JSON: text after the deployment");
    }
  }

  #take(c: number, token: number, next: State): true {
    if (c !== token) throw new StateError(`invalid JSON in the deployment: expected ${String.fromCharCode(token)}`);
    this.#at++;
    this.#state = next;
    return true;
  }

  #beginKey(c: number): true {
    if (c !== QUOTE) throw new StateError("invalid JSON in the deployment: expected a key");
    this.#scan = scanFrom(this.#at);
    this.#state = "insideKey";
    return true;
  }

  #readKey(): boolean {
    if (!scanValue(this.#bytes, this.#scan)) return false;
    this.#key = decodeString(this.#bytes, this.#at, this.#scan.at);
    this.#at = this.#scan.at;
    this.#state = "colon";
    return true;
  }

  /** At a member's value: the deployment and its arrays are walked through, anything else is read as one part. */
  #enter(c: number): true {
    const array = this.#where === "deployment" ? ARRAYS.get(this.#key) : undefined;
    const isDeployment = this.#where === "envelope" && this.#key === "deployment";
    if (!array && !isDeployment) return this.#begin(c);
    // A later one would win, but the first is already on its way.
    if (this.#seen.has(this.#key)) throw new StateError(`the deployment has two members "${this.#key}"`);
    this.#seen.add(this.#key);
    if (isDeployment && c === OPEN_OBJECT) {
      this.#where = "deployment";
      this.hasDeployment = true;
      return this.#take(c, c, "firstKey");
    }
    if (array && c === OPEN_ARRAY) {
      this.#where = array;
      return this.#take(c, c, "firstElement");
    }
    if (c !== 0x6e) throw new StateError(isDeployment ? "deployment must be an object" : `${this.#key} must be an array`); // n of null
    return this.#begin(c);
  }

  #begin(c: number): true {
    const isElement = this.#where === "resource" || this.#where === "pendingOperation";
    if (isElement && c !== OPEN_OBJECT) throw new StateError(`each ${this.#where} must be an object`);
    this.#scan = scanFrom(this.#at);
    this.#state = "inside";
    return true;
  }

  #readValue(): boolean {
    if (!scanValue(this.#bytes, this.#scan)) return false;
    const text = this.#bytes.subarray(this.#at, this.#scan.at);
    this.#limit(text.length);
    if (!this.#trusted) parse(shortened(text));
    this.#at = this.#scan.at;
    const at = this.#where;
    if (at === "envelope" || at === "deployment") {
      this.#parts.push({ at, key: this.#key, text });
      this.#state = "afterMember";
    } else {
      this.#parts.push({ at, text });
      this.#state = "afterElement";
    }
    return true;
  }

  #limit(size: number): void {
    if (size > this.#maxElement) throw new StateTooLarge(`a part of the deployment is larger than ${this.#maxElement} bytes`);
  }

  #closeObject(): true {
    this.#at++;
    this.#state = this.#where === "deployment" ? "afterMember" : "end";
    this.#where = "envelope";
    return true;
  }

  #closeArray(): true {
    this.#at++;
    this.#where = "deployment";
    this.#state = "afterMember";
    return true;
  }
}

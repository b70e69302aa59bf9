/**
 * Splits the text of a deployment into its resources and other members while it arrives, so that only one resource must be in memory
 * (cli-protocol §5.2 and §5.4; §4.6 for the checkpoint body).
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
 * A piece of an untyped deployment, in the order of the text. `text` is the JSON text of a value, exactly as received. It is a view of the
 * chunk or of an internal buffer and is valid until the next chunk; use `slice()` to keep it.
 */
export type Part =
  /** `start`: the position of its first byte in the whole text. */
  | { at: "resource" | "pendingOperation"; text: Uint8Array; start: number }
  /** Another member of `deployment`; also `resources` and `pending_operations` if they are null. */
  | { at: "deployment"; key: string; text: Uint8Array }
  /** Another member of the outermost object; also `deployment` if it is null. */
  | { at: "envelope"; key: string; text: Uint8Array };

export interface SplitOptions {
  /**
   * Maximum number of bytes of a resource, pending operation or other member; a larger one throws StateTooLarge. Default: 32 MiB; no limit
   * if trusted.
   */
  maxElement?: number;
  /** The text is a stored state, which was validated when it was received. It is not parsed again. */
  trusted?: boolean;
}

/**
 * Yields the parts of `{version, features?, deployment: {…}}` in batches, for any size of chunks and any order of keys. Throws StateError
 * when the text is not JSON of that shape. No member is required here: see `checkpoint.ts`.
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

/** The syntax that is expected next. */
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

/** The push form of `splitDeployment`: call `push` with each chunk, then `end`. It cannot be used after an error. */
export class Splitter {
  /** Whether there is an object `deployment`. */
  hasDeployment = false;
  readonly #maxElement: number;
  readonly #trusted: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Buffer for the unread rest of a chunk, followed by the next chunk. */
  #own = new Uint8Array(0);
  /** Start of the token or value that is being read. The bytes before it are not needed any more. */
  #at = 0;
  /** Position of the first of `#bytes` in the whole text. */
  #start = 0;
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

  /** Call this after the last chunk, when its parts are not needed any more. */
  end(): void {
    release(this.#own);
    if (this.#state !== "end") throw new StateError("invalid JSON: the deployment is not complete");
  }

  /** Appends the chunk to the bytes that are still needed. */
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

  /** Copies the unread rest of the caller's chunk into the internal buffer. */
  #keepRest(chunk: Uint8Array): void {
    const inChunk = this.#bytes === chunk;
    this.#bytes = this.#bytes.subarray(this.#at);
    this.#scan.at -= this.#at;
    this.#start += this.#at;
    this.#at = 0;
    if (inChunk && this.#bytes.length > 0) this.#bytes = this.#reserve(this.#bytes.length + chunk.length).subarray(0, this.#bytes.length);
  }

  /**
   * Returns the internal buffer with at least `size` bytes; it begins with the bytes that are still needed. It doubles when it grows, so
   * that a value in many chunks is not copied for each one. Parts in the buffer are not valid afterwards.
   */
  #reserve(size: number): Uint8Array {
    const before = this.#own;
    if (before.length < size) this.#own = new Uint8Array(Math.max(size, 2 * before.length));
    if (this.#bytes.buffer !== this.#own.buffer || this.#bytes.byteOffset > 0) this.#own.set(this.#bytes);
    if (before !== this.#own) release(before);
    return this.#own;
  }

  /** Reads one token or continues one value. Returns false when it needs more bytes. */
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

  /** Begins a member's value. The deployment and its arrays are split; any other value is one part. */
  #enter(c: number): true {
    const array = this.#where === "deployment" ? ARRAYS.get(this.#key) : undefined;
    const isDeployment = this.#where === "envelope" && this.#key === "deployment";
    if (!array && !isDeployment) return this.#begin(c);
    // JSON gives the last one precedence, but the parts of the first one were already yielded.
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
    if (c !== 0x6e) throw new StateError(isDeployment ? "deployment must be an object" : `${this.#key} must be an array`); // n of `null`
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
    const start = this.#start + this.#at;
    this.#at = this.#scan.at;
    const at = this.#where;
    if (at === "envelope" || at === "deployment") {
      this.#parts.push({ at, key: this.#key, text });
      this.#state = "afterMember";
    } else {
      this.#parts.push({ at, text, start });
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

/** Reads journal entries (cli-protocol §4.8.1): a fast check when a batch arrives, and a shallow parse for the replay. */
import { StateError } from "./errors.ts";
import { QUOTE, type Range, decodeString, parse, readArray, skipSpace, skipValue, visitMembers } from "./json/json.ts";
import { shortened } from "./shorten.ts";
import { readFacts, readOperation, type Facts, type OperationFacts } from "./resource.ts";

export const Kind = {
  begin: 0,
  success: 1,
  failure: 2,
  refreshSuccess: 3,
  outputs: 4,
  write: 5,
  secretsManager: 6,
  rebuiltBase: 7,
  extension: 8,
  snippets: 9,
} as const;

/** References into the state: *Old* are positions in the base, *New* are operation ids. 0 is valid; null means none. */
export const REFERENCES = ["removeOld", "removeNew", "pendingReplacementOld", "pendingReplacementNew", "deleteOld", "deleteNew"] as const;
type References = Record<(typeof REFERENCES)[number], number | null>;

/** The members that can be large. They are kept as text. */
export const TEXTS = ["state", "operation", "newSnapshot", "secretsProvider", "snippets", "extension"] as const;
type Texts = Record<(typeof TEXTS)[number], Range | null>;

/** One entry. Its texts are byte ranges of its batch. An absent member is the same as null. */
export interface JournalEntry extends References, Texts {
  kind: number;
  sequenceID: number;
  operationID: number;
  isRefresh: boolean;
  requiresByteString: boolean;
  extensionRef: string | null;
  /** Facts about `state` and `operation`. */
  stateFacts: Facts | null;
  operationFacts: OperationFacts | null;
}

/**
 * Checks the body `{entries: […]}` of one journal request and returns the number of entries. Unknown members are accepted, unknown kinds
 * and versions are not (§4.8.1). Throws StateError. The client waits for this check, so it is one native JSON.parse and a few comparisons
 * for each entry.
 */
export function checkBatch(bytes: Uint8Array): number {
  const body = parse(shortened(bytes));
  if (!isObject(body)) throw new StateError("the body must be an object");
  const entries = body["entries"] ?? []; // Go omits an empty list
  if (!Array.isArray(entries)) throw new StateError("entries must be an array");
  for (const [i, entry] of entries.entries()) {
    const problem = problemOf(entry);
    if (problem) throw new StateError(`entries[${i}]: ${problem}`);
  }
  return entries.length;
}

function problemOf(entry: unknown): string | undefined {
  if (!isObject(entry)) return "must be an object";
  if (entry["version"] !== 1) return "version must be 1";
  const kind = entry["kind"];
  if (!isInt(kind, 0) || kind > Kind.snippets) return "unknown kind";
  if (!isInt(entry["sequenceID"], 1)) return "sequenceID must be an integer of at least 1";
  if (!isInt(entry["operationID"], 0)) return "operationID must be an integer of at least 0";
  for (const name of REFERENCES) {
    const value = entry[name] ?? null;
    if (value !== null && !isInt(value, 0)) return `${name} must be an integer of at least 0, or null`;
  }
  for (const name of TEXTS) {
    const value = entry[name] ?? null;
    if (value !== null && !(name === "snippets" ? Array.isArray(value) : isObject(value))) return `${name} has the wrong type`;
  }
  for (const name of ["isRefresh", "requiresByteString"]) {
    if (typeof (entry[name] ?? false) !== "boolean") return `${name} must be a boolean`;
  }
  if (typeof (entry["extensionRef"] ?? "") !== "string") return "extensionRef must be a string";
  if (kind === Kind.write && !entry["newSnapshot"]) return "newSnapshot is missing";
  for (const name of ["resources", "pending_operations"]) {
    const list = (entry["newSnapshot"] as Record<string, unknown> | null | undefined)?.[name] ?? [];
    if (!Array.isArray(list) || !list.every(isObject)) return `newSnapshot.${name} must be a list of objects`;
  }
  if (kind === Kind.extension && !(entry["extensionRef"] && entry["extension"])) return "extensionRef or extension is missing";
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const isInt = (value: unknown, least: number): value is number => Number.isSafeInteger(value) && (value as number) >= least;

/** The entries of a batch that `checkBatch` has accepted, in the order of the text. */
export function readBatch(bytes: Uint8Array): JournalEntry[] {
  let entries: JournalEntry[] = [];
  visitMembers(bytes, skipSpace(bytes, 0), (key, at) => {
    if (key !== "entries") return skipValue(bytes, at);
    entries = []; // the last one wins
    return readArray(bytes, at, (element) => readEntry(bytes, element, entries));
  });
  return entries;
}

function readEntry(bytes: Uint8Array, at: number, entries: JournalEntry[]): number {
  const entry: JournalEntry = {
    kind: 0,
    sequenceID: 0,
    operationID: 0,
    removeOld: null,
    removeNew: null,
    pendingReplacementOld: null,
    pendingReplacementNew: null,
    deleteOld: null,
    deleteNew: null,
    state: null,
    operation: null,
    newSnapshot: null,
    secretsProvider: null,
    snippets: null,
    extension: null,
    isRefresh: false,
    requiresByteString: false,
    extensionRef: null,
    stateFacts: null,
    operationFacts: null,
  };
  entries.push(entry);
  return visitMembers(bytes, at, (key, start) => {
    const none = isNull(bytes, start);
    if (key === "state" && !none) return readState(bytes, start, entry);
    if (key === "operation" && !none) return readPending(bytes, start, entry);
    const end = skipValue(bytes, start);
    switch (key) {
      case "kind":
      case "sequenceID":
      case "operationID":
        entry[key] = readNumber(bytes, start, end);
        break;
      case "removeOld":
      case "removeNew":
      case "pendingReplacementOld":
      case "pendingReplacementNew":
      case "deleteOld":
      case "deleteNew":
        entry[key] = none ? null : readNumber(bytes, start, end);
        break;
      case "state":
      case "operation":
        entry[key] = null;
        break;
      case "newSnapshot":
      case "secretsProvider":
      case "snippets":
      case "extension":
        entry[key] = none ? null : { start, end };
        break;
      case "isRefresh":
      case "requiresByteString":
        entry[key] = bytes[start] === 0x74; // the t of `true`
        break;
      case "extensionRef":
        entry[key] = bytes[start] === QUOTE ? decodeString(bytes, start, end) : null;
    }
    return end;
  });
}

function readState(bytes: Uint8Array, start: number, entry: JournalEntry): number {
  const facts = readFacts(bytes, start);
  entry.stateFacts = facts;
  entry.state = { start, end: facts.end };
  return facts.end;
}

function readPending(bytes: Uint8Array, start: number, entry: JournalEntry): number {
  const facts = readOperation(bytes, start);
  entry.operationFacts = facts;
  entry.operation = { start, end: facts.end };
  return facts.end;
}

const isNull = (bytes: Uint8Array, at: number) => bytes[at] === 0x6e;

/** Reads a number quickly if it has only digits, as nearly all have. Other forms that JSON allows (`1e2`, `1.0`) are parsed. */
function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  if (end - start > 15) return parse(bytes.subarray(start, end)) as number;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return parse(bytes.subarray(start, end)) as number;
    value = value * 10 + digit;
  }
  return value;
}

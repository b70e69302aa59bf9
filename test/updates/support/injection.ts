import { env } from "cloudflare:workers";
import { PreconditionFailed, UniqueViolation } from "../../../src/db/client.ts";
import { AppError } from "../../../src/errors.ts";
import { Fold } from "../../../src/state/replay/fold.ts";
import { LinkTable } from "../../../src/state/replay/links.ts";
import { MemberWriter } from "../../../src/state/replay/memberWriter.ts";
import { IntList } from "../../../src/state/replay/intList.ts";
import { Output } from "../../../src/bytes/output.ts";
import { KnownFacts } from "../../../src/state/resource.ts";
import { Splitter } from "../../../src/state/json/split.ts";
import { Steps } from "../../../src/state/replay/steps.ts";
import { StateError } from "../../../src/state/errors.ts";
import { JournalCache } from "../../../src/state/replay/journalCache.ts";
import { EventIndex } from "../../../src/coordinator/storage/eventIndex.ts";
import { BodyStore } from "../../../src/coordinator/storage/bodyStore.ts";
import { EventStore } from "../../../src/coordinator/storage/eventStore.ts";
import { Runs } from "../../../src/coordinator/storage/runs.ts";

export const kinds = {
  Error: () => new Error("a bug"),
  RangeError: () => new RangeError("Maximum call stack size exceeded"),
  StateError: () => new StateError("a contradiction"),
  "503": () => new AppError(503, "Service Unavailable"),
  "413": () => new AppError(413, "Request Entity Too Large"),
  PreconditionFailed: () => new PreconditionFailed(),
  UniqueViolation: () => new UniqueViolation(),
};
export type Kind = keyof typeof kinds;

/** The errors of `kinds` in the words of the database. */
const byDatabase: Record<Kind, string> = {
  Error: "D1_ERROR: internal error",
  RangeError: "D1_ERROR: too many SQL variables: SQLITE_ERROR",
  StateError: "D1_ERROR: D1 DB is overloaded",
  "503": "D1_ERROR: network connection lost",
  "413": "D1_ERROR: string or blob too big: SQLITE_TOOBIG",
  PreconditionFailed: "D1_ERROR: malformed JSON: SQLITE_ERROR",
  UniqueViolation: "D1_ERROR: UNIQUE constraint failed: updates.id: SQLITE_CONSTRAINT",
};

/** The n-th call of a method fails, and so do the next calls of that method, `times` of them. */
export interface Fault {
  method: string;
  nth: number;
  times: number;
  kind: Kind;
}

/** Methods without which nothing at all can be stored: their faults end after a while. */
export const isVital = (method: string) => method.startsWith("D1.") || method.startsWith("Runs.");

let armed: { fault: Fault | undefined; calls: Map<string, number>; thrown: number } | undefined;

/** From now on calls are counted, and fail as `fault` says. @returns stops that, and returns the counts */
export function arm(fault?: Fault): () => { calls: Map<string, number>; thrown: number } {
  patchOnce();
  const mine = { fault, calls: new Map<string, number>(), thrown: 0 };
  armed = mine;
  return () => {
    armed = undefined;
    return mine;
  };
}

function hit(method: string): Error | undefined {
  if (!armed) return undefined;
  const { fault, calls } = armed;
  const n = (calls.get(method) ?? 0) + 1;
  calls.set(method, n);
  if (fault?.method !== method || n < fault.nth || n >= fault.nth + fault.times) return undefined;
  armed.thrown++;
  if (method.startsWith("Runs.")) return new Error("storage operation failed");
  return method.startsWith("D1.") ? new Error(byDatabase[fault.kind]) : kinds[fault.kind]();
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function patch(target: object, name: string, label: string, rejects = false): void {
  const methods = target as Record<string, Method>;
  const method = methods[name]!;
  methods[name] = function (...args) {
    const error = hit(label);
    if (!error) return method.apply(this, args);
    if (rejects) return Promise.reject(error);
    throw error;
  };
}

/** The classes that take part in the end of a run: the received bodies, the parts of the replay, and the bindings. */
const classes = {
  BodyStore,
  EventStore,
  EventIndex,
  Runs,
  JournalCache,
  Fold,
  LinkTable,
  IntList,
  Output,
  MemberWriter,
  KnownFacts,
  Splitter,
  Steps,
};
/** Methods that also take part in other work, or only read, so they do not fail. */
const left = new Set(["constructor", "Runs.get", "Runs.all", "Runs.holder", "Runs.forget", "BodyStore.append", "BodyStore.nextBatch"]);

/** Only batches that end an update fail, because earlier batches are not part of the end of a run. */
function patchDatabase(): void {
  const queries = new WeakMap<object, string>();
  const session = Object.getPrototypeOf(env.DB.withSession()) as Record<string, Method>;
  const statement = Object.getPrototypeOf(env.DB.prepare("SELECT 1")) as Record<string, Method>;
  const { prepare, batch } = session;
  const { bind } = statement;
  session["prepare"] = function (query) {
    const prepared = prepare!.call(this, query) as object;
    queries.set(prepared, String(query));
    return prepared;
  };
  statement["bind"] = function (...values) {
    const bound = bind!.apply(this, values) as object;
    queries.set(bound, queries.get(this as object) ?? "");
    return bound;
  };
  session["batch"] = function (statements) {
    const endsUpdate = (statements as object[]).some((one) => queries.get(one)?.startsWith('update "updates" set "status"'));
    const error = endsUpdate ? hit("D1.batch") : undefined;
    return error ? Promise.reject(error) : batch!.call(this, statements);
  };
}

let patched = false;

function patchOnce(): void {
  if (patched) return;
  patched = true;
  for (const [name, { prototype }] of Object.entries(classes)) {
    for (const [method, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const label = `${name}.${method}`;
      if (typeof value === "function" && !left.has(method) && !left.has(label)) patch(prototype, method, label);
    }
  }
  patchDatabase();
  for (const method of ["put", "get", "createMultipartUpload"])
    patch(Object.getPrototypeOf(env.STATE) as object, method, `R2.${method}`, true);
}

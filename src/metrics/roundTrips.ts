import { isDatabase } from "../db/places.ts";
import type { Bindings } from "../env.ts";

/** Round trips to storage, by kind. A stack's object counts its own, and its caller adds them. */
export interface RoundTrips {
  d1: number;
  kv: number;
  r2: number;
  object: number;
  queue: number;
}

export const noRoundTrips = (): RoundTrips => ({ d1: 0, kv: 0, r2: 0, object: 0, queue: 0 });

export function addRoundTrips(to: RoundTrips, more: RoundTrips): void {
  for (const kind of Object.keys(to) as (keyof RoundTrips)[]) to[kind] += more[kind];
}

/** The form of a `Server-Timing` header: `d1;desc="2", r2;desc="1"`. It always contains D1, and the others if they are not 0. */
export const roundTripsText = (roundTrips: RoundTrips): string =>
  (Object.keys(roundTrips) as (keyof RoundTrips)[])
    .filter((kind) => kind === "d1" || roundTrips[kind] > 0)
    .map((kind) => `${kind};desc="${roundTrips[kind]}"`)
    .join(", ");

export function readRoundTrips(text: string | null): RoundTrips {
  const roundTrips = noRoundTrips();
  for (const [, kind = "", count] of (text ?? "").matchAll(/\b(\w+);desc="(\d+)"/g))
    if (Object.hasOwn(roundTrips, kind)) roundTrips[kind as keyof RoundTrips] = Number(count);
  return roundTrips;
}

/**
 * Wraps the bindings and counts each call that leaves the isolate. A binding is wrapped when it is first used, because most requests use one or
 * two. It is wrapped for each request, so that a test can replace a binding with a failing one.
 */
export function counting(env: Bindings, roundTrips: RoundTrips): Bindings {
  const wrapped = new Map<string | symbol, object>();
  // The copy lets the proxy return other values than the bindings, whatever the platform's object allows.
  return new Proxy(
    { ...env },
    {
      get(target, name) {
        const binding: unknown = Reflect.get(target, name, target);
        const wrapping = typeof name === "string" ? wrappingOf(name) : undefined;
        if (!wrapping || typeof binding !== "object" || binding === null) return binding;
        const known = wrapped.get(name) ?? wrapping(binding as never, roundTrips);
        wrapped.set(name, known);
        return known;
      },
    },
  );
}

type Wrapping = (binding: never, roundTrips: RoundTrips) => object;

/** D1 is counted by batches: all access goes through `batch` in `db/client.ts`. */
const database = (db: D1Database, roundTrips: RoundTrips) =>
  wrap(db, { withSession: (session: D1DatabaseSession) => wrap(session, { batch: () => void roundTrips.d1++ }) });

const objects = (namespace: DurableObjectNamespace, roundTrips: RoundTrips) =>
  wrap(namespace, { get: (stub: object) => countedStub(stub, () => void roundTrips.object++) });

function queue(binding: Queue, roundTrips: RoundTrips) {
  const count = () => void roundTrips.queue++;
  return wrap(binding, { send: count, sendBatch: count });
}

function cache(binding: KVNamespace, roundTrips: RoundTrips) {
  const count = () => void roundTrips.kv++;
  return wrap(binding, { get: count, put: count, delete: count });
}

function bucket(binding: R2Bucket, roundTrips: RoundTrips) {
  const count = () => void roundTrips.r2++;
  const createMultipartUpload = async (opening: Promise<R2MultipartUpload>) => {
    count();
    return wrap(await opening, { uploadPart: count, complete: count, abort: count });
  };
  return wrap(binding, { get: count, put: count, head: count, delete: count, list: count, createMultipartUpload });
}

/** By the name of the binding. Databases are counted too, and other bindings are not. */
const wrappings = new Map<string, Wrapping>([
  ["TOKEN_CACHE", cache],
  ["STATE", bucket],
  ["STACKS", objects],
  ["STREAMS", objects],
  ["AUDIT", queue],
  ["AUDIT_DEAD", queue],
]);

const wrappingOf = (name: string): Wrapping | undefined => (isDatabase(name) ? database : wrappings.get(name));

/** Functions that receive a method's result and may replace it; undefined keeps it. */
type Seen = Record<string, (result: never) => unknown>;

function wrap<T extends object>(binding: T, seen: Seen): T {
  return new Proxy(binding, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      // The platform's objects do not work with a proxy as `this`, so methods are called on the target.
      if (typeof method !== "function") return method;
      const see = typeof name === "string" ? seen[name] : undefined;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(method, target, args);
        return see?.(result as never) ?? result;
      };
    },
  });
}

/** Counts every method call: an object's stub has a method for any name. */
function countedStub<T extends object>(stub: T, count: () => void): T {
  return new Proxy(stub, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        count();
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  });
}

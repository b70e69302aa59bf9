import { wrapDatabases } from "../db/places.ts";
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
  for (const kind of Object.keys(roundTrips) as (keyof RoundTrips)[])
    roundTrips[kind] = Number(new RegExp(`\\b${kind};desc="(\\d+)"`).exec(text ?? "")?.[1] ?? 0);
  return roundTrips;
}

/**
 * Wraps the bindings and counts each call that leaves the isolate. It wraps them for each request, so that a test can replace a binding
 * with a failing one. D1 is counted by batches: all access goes through `batch` in `db/client.ts`.
 */
export function counting(env: Bindings, roundTrips: RoundTrips): Bindings {
  const d1 = () => void roundTrips.d1++;
  const kv = () => void roundTrips.kv++;
  const r2 = () => void roundTrips.r2++;
  const object = () => void roundTrips.object++;
  const queue = () => void roundTrips.queue++;
  return {
    ...env,
    ...wrapDatabases(env, (db) => wrap(db, { withSession: (session: D1DatabaseSession) => wrap(session, { batch: d1 }) })),
    TOKEN_CACHE: wrap(env.TOKEN_CACHE, { get: kv, put: kv, delete: kv }),
    STATE: wrap(env.STATE, {
      get: r2,
      put: r2,
      head: r2,
      delete: r2,
      list: r2,
      createMultipartUpload: async (opening: Promise<R2MultipartUpload>) => {
        r2();
        return wrap(await opening, { uploadPart: r2, complete: r2, abort: r2 });
      },
    }),
    STACKS: wrap(env.STACKS, { get: (stub: object) => countedStub(stub, object) }),
    STREAMS: wrap(env.STREAMS, { get: (stub: object) => countedStub(stub, object) }),
    AUDIT: wrap(env.AUDIT, { send: queue, sendBatch: queue }),
    AUDIT_DEAD: wrap(env.AUDIT_DEAD, { send: queue, sendBatch: queue }),
  };
}

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

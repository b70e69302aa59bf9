/** Counts what Cloudflare bills, inside of workerd: a module in front of the bundle that wraps the bindings. */
import type { Amounts } from "../scripts/costs/prices.ts";

/** The path at which the module answers with its counts, and begins again. */
const COUNTS = "/counts-of-the-bench";

/** The amounts that Cloudflare would bill, and the number of batches of journal entries and events that the client sent. */
export type Counts = Amounts & { batches?: number };

/** The counts since the last call. */
export const takeCounts = async (url: string): Promise<Counts> => (await (await fetch(url + COUNTS)).json()) as Counts;

/** The size of the database when it was last asked. */
export const databaseBytes = async (url: string): Promise<number> => Number(await (await fetch(`${url}${COUNTS}?size`)).text());

/**
 * The module. Rows are those that the databases report; the local ones are SQLite like Cloudflare's. A message of a queue is three
 * operations (write, read, delete) for each 64 KB; those of the audit log are smaller. An alarm is a request and a row written.
 */
export const billedFront = `
import worker, { StackCoordinator as Coordinator } from "./index.js";
export { AuditSender, WebhookDispatcher, WebhookSender } from "./index.js";
const none = () => ({ requests: 0, databaseRead: 0, databaseWritten: 0, objectRequests: 0, objectRead: 0, objectWritten: 0,
  cacheRead: 0, cacheWritten: 0, bucketWritten: 0, bucketRead: 0, queue: 0, batches: 0 });
let counts = none();
let cursors = [];
let size = 0;
const wrap = (target, seen) => new Proxy(target, {
  get(of, name) {
    const member = Reflect.get(of, name, of);
    if (typeof member !== "function") return member;
    return (...args) => {
      const see = typeof name === "string" && Object.hasOwn(seen, name) ? seen[name] : seen["*"];
      const result = Reflect.apply(member, of, args);
      return see?.(result, args) ?? result;
    };
  },
});
const count = (kind) => () => void counts[kind]++;
const readA = count("bucketWritten"), readB = count("bucketRead");
const ours = (env) => ({
  ...env,
  DB: wrap(env.DB, { withSession: (session) => wrap(session, { batch: async (results) => {
    const all = await results;
    for (const { meta } of all) { counts.databaseRead += meta.rows_read; counts.databaseWritten += meta.rows_written; size = meta.size_after; }
    return all;
  } }) }),
  TOKEN_CACHE: wrap(env.TOKEN_CACHE, { get: count("cacheRead"), put: count("cacheWritten"), delete: count("cacheWritten") }),
  STATE: wrap(env.STATE, { get: readB, head: readB, put: readA, list: readA, createMultipartUpload: async (opening) => {
    readA();
    return wrap(await opening, { uploadPart: readA, complete: readA });
  } }),
  STACKS: wrap(env.STACKS, { get: (stub) => wrap(stub, { "*": count("objectRequests") }) }),
  AUDIT: wrap(env.AUDIT, { send: () => void (counts.queue += 3), sendBatch: (_, [messages]) => void (counts.queue += 3 * [...messages].length) }),
});
// The platform takes no proxy in the place of its own objects, so their methods are replaced.
let isSeen = false;
const see = ({ storage }) => {
  if (isSeen) return;
  isSeen = true;
  const replace = (of, name, before) => {
    const prototype = Object.getPrototypeOf(of), method = prototype[name];
    prototype[name] = function (...args) {
      return before(() => method.apply(this, args));
    };
  };
  replace(storage.sql, "exec", (call) => {
    const cursor = call();
    cursors.push(cursor);
    return cursor;
  });
  replace(storage, "setAlarm", (call) => {
    counts.objectWritten++;
    return call();
  });
};
export class StackCoordinator extends Coordinator {
  constructor(state, env) {
    see(state);
    super(state, ours(env));
  }
  alarm(...args) { counts.objectRequests++; return super.alarm(...args); }
}
const taken = () => {
  for (const { rowsRead, rowsWritten } of cursors) { counts.objectRead += rowsRead; counts.objectWritten += rowsWritten; }
  const result = counts;
  counts = none();
  cursors = [];
  return result;
};
export default {
  fetch: (request, env, ctx) => {
    const url = new URL(request.url);
    if (url.pathname === ${JSON.stringify(COUNTS)}) return Response.json(url.search ? size : taken());
    counts.requests++;
    if (/\\/(journalentries|events\\/batch)$/.test(url.pathname)) counts.batches++;
    return worker.fetch(request, ours(env), ctx);
  },
  queue: (messages, env, ctx) => worker.queue(messages, ours(env), ctx),
  scheduled: (event, env, ctx) => worker.scheduled(event, ours(env), ctx),
};
`;

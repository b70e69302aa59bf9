/**
 * The Worker with additional routes for benchmarks: a Hono route that answers a constant; routes that make one call to KV, D1 or R2, or one
 * each; routes that verify a signature, alone and with one write to D1; routes that only receive a body, forward it to an object or store it
 * there; a route that checks random tokens; and a route that returns what D1 did so far.
 */
import { type Context, Hono } from "hono";
import { fromBase64url } from "../../src/bytes/base64.ts";
import { hashTokenValue, peppersOf } from "../../src/auth/secret.ts";
import type { Bindings } from "../../src/env.ts";
import worker, { StackCoordinator as Coordinator } from "../../src/index.ts";

export { AuditSender, WebhookDispatcher, WebhookSender } from "../../src/index.ts";

/** The counts of D1's work since the start of the server: statements, batches, and the rows that they read and wrote. */
const database = { statements: 0, batches: 0, rowsRead: 0, rowsWritten: 0 };
let bindings: Bindings | undefined;

const unlimited: RateLimit = { limit: async () => ({ success: true }) };

/**
 * Milliseconds that a request waited for each place. A call of an object contains what the object itself waited for, which `inner` counts. The
 * requests must come one after the other. The clock of workerd has whole milliseconds and stands still between two events, so only the mean of
 * many requests is exact, and each call first waits for an event, which is not counted.
 */
let spent = { kv: 0, d1: 0, r2: 0, object: 0, inner: 0 };
let isTimed = false;
let depth = 0;

async function timed<T>(kind: "kv" | "d1" | "r2" | "object", call: () => Promise<T>): Promise<T> {
  if (!isTimed) return call();
  const own = spent;
  if (kind === "object") depth++;
  const isInner = kind !== "object" && depth > 0;
  await scheduler.wait(0);
  const started = Date.now();
  try {
    return await call();
  } finally {
    const ms = Date.now() - started;
    own[kind] += ms;
    if (isInner) own.inner += ms;
    if (kind === "object") depth--;
  }
}

/** Times the calls of some methods. The platform's objects need themselves as `this`. */
const timing = <T extends object>(binding: T, kind: "kv" | "r2" | "object", names: string[]): T =>
  new Proxy(binding, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      const call = (...args: unknown[]) => Reflect.apply(method, target, args) as unknown;
      if (names.length > 0 && !names.includes(String(name))) return call;
      return (...args: unknown[]) => timed(kind, async () => call(...args));
    },
  });

/** Counts what D1 does. All access to it uses batches of a session. */
const counted = (env: Bindings): Bindings =>
  (bindings ??= {
    ...env,
    // The limits are off, so these bindings are absent. A call of an absent binding would throw, which costs more than a call.
    TOKEN_REQUESTS: unlimited,
    ORGANIZATION_REQUESTS: unlimited,
    TOKEN_EXCHANGES: unlimited,
    TOKEN_CACHE: timing(env.TOKEN_CACHE, "kv", ["get"]),
    STATE: timing(env.STATE, "r2", ["get", "put", "delete"]),
    STACKS: new Proxy(env.STACKS, {
      get: (target, name) =>
        name === "get"
          ? (id: DurableObjectId) => timing(target.get(id), "object", [])
          : (...args: unknown[]) => Reflect.apply(Reflect.get(target, name, target) as never, target, args) as unknown,
    }),
    DB: {
      withSession(constraint: D1SessionConstraint) {
        const session = env.DB.withSession(constraint);
        return {
          prepare: (query: string) => session.prepare(query),
          batch: async (list: D1PreparedStatement[]) => {
            database.batches++;
            database.statements += list.length;
            const results = await timed("d1", () => session.batch(list));
            for (const { meta } of results) {
              database.rowsRead += meta.rows_read;
              database.rowsWritten += meta.rows_written;
            }
            return results;
          },
        };
      },
    } as unknown as D1Database,
  });

/** Answers a request of the API. With the header `X-Bench-Timed` the answer says how long it waited for each place. */
async function answerTimed(request: Request, env: Bindings, ctx: ExecutionContext): Promise<Response> {
  isTimed = request.headers.has("X-Bench-Timed");
  if (!isTimed) return worker.fetch(request as never, counted(env), ctx);
  spent = { kv: 0, d1: 0, r2: 0, object: 0, inner: 0 };
  const response = await worker.fetch(request as never, counted(env), ctx);
  const copy = new Response(response.body, response);
  copy.headers.set("X-Bench-Spent", JSON.stringify(spent));
  return copy;
}

export class StackCoordinator extends Coordinator {
  constructor(state: DurableObjectState, env: Bindings) {
    super(state, counted(env));
  }

  override async fetch(request: Request): Promise<Response> {
    if (!isOurs(request)) return super.fetch(request);
    const body = await request.arrayBuffer();
    if (request.url.endsWith("/store")) {
      const { sql } = this.ctx.storage;
      sql.exec("CREATE TABLE IF NOT EXISTS bench (body BLOB)");
      sql.exec("INSERT INTO bench (body) VALUES (?)", body);
    }
    return new Response(null, { status: 204 });
  }
}

const passOn = (name: string) => (c: Context<{ Bindings: Bindings }>) => c.env.STACKS.get(c.env.STACKS.idFromName(name)).fetch(c.req.raw);
const passToNew = (c: Context<{ Bindings: Bindings }>) => passOn(crypto.randomUUID())(c);

let key: Promise<CryptoKey> | undefined;
let bench: Promise<unknown> | undefined;

/** One batch that writes two rows. */
async function writeToDatabase({ env }: Context<{ Bindings: Bindings }>): Promise<void> {
  const session = env.DB.withSession("first-primary");
  await (bench ??= session.batch([session.prepare("CREATE TABLE bench (body TEXT)")]));
  await session.batch([
    session.prepare("SELECT id FROM stacks LIMIT 1"),
    session.prepare("INSERT INTO bench VALUES ('x')"),
    session.prepare("INSERT INTO bench VALUES ('y')"),
  ]);
}

/** Verifies a token with the key of the first request. */
async function verifySignature(c: Context<{ Bindings: Bindings }>): Promise<void> {
  const { token, jwk } = await c.req.json<{ token: string; jwk: JsonWebKey }>();
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  key ??= crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
  const [header, claims, signature] = token.split(".") as [string, string, string];
  const isValid = await crypto.subtle.verify(
    algorithm.name,
    await key,
    fromBase64url(signature),
    new TextEncoder().encode(`${header}.${claims}`),
  );
  if (!isValid) throw new Error("the signature does not match");
}

const bare = new Hono<{ Bindings: Bindings }>()
  .get("/bench/floor", (c) => c.json({ githubLogin: "acme", name: "acme", organizations: [] }))
  .get("/bench/kv", async (c) => {
    await c.env.TOKEN_CACHE.get("bench", "json");
    return c.json({ githubLogin: "acme", name: "acme", organizations: [] });
  })
  .get("/bench/strict", async (c) => {
    await c.env.TOKEN_CACHE.get("bench", "json");
    const session = c.env.DB.withSession("first-primary");
    await session.batch([session.prepare("SELECT id FROM stacks LIMIT 1")]);
    const object = await c.env.STATE.get("bench");
    // The first request creates the object.
    if (!object) await c.env.STATE.put("bench", "{}");
    return new Response(object?.body ?? "{}");
  })
  .post("/bench/signature", async (c) => {
    await verifySignature(c);
    return c.body(null, 204);
  })
  .post("/bench/exchange", async (c) => {
    await verifySignature(c);
    await writeToDatabase(c);
    return c.body(null, 204);
  })
  .get("/bench/read", async (c) => {
    const session = c.env.DB.withSession("first-primary");
    await session.batch([session.prepare("SELECT id FROM stacks LIMIT 1")]);
    return c.body(null, 204);
  })
  .post("/bench/write", async (c) => {
    await writeToDatabase(c);
    return c.body(null, 204);
  })
  .get("/bench/wait", async (c) => {
    await scheduler.wait(0);
    return c.body(null, 204);
  })
  .put("/bench/state", async (c) => {
    await c.env.STATE.put("bench/state", await c.req.raw.arrayBuffer());
    return c.body(null, 204);
  })
  .get("/bench/state", async (c) => new Response((await c.env.STATE.get("bench/state"))?.body))
  .post("/bench/body", async (c) => {
    await c.req.raw.arrayBuffer();
    return c.body(null, 204);
  })
  .post("/bench/object", passOn("bench"))
  .post("/bench/store", passOn("bench"))
  .post("/bench/new/object", passToNew)
  .get("/bench/database", (c) => c.json(database))
  .get("/bench/junk", async (c) => {
    let passed = 0;
    for (let i = Number(c.req.query("count")); i > 0; i--) {
      const digits = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => byte.toString(16).padStart(2, "0"));
      if (await hashTokenValue(peppersOf(c.env.TOKEN_PEPPER), `pul-${digits.join("")}`)) passed++;
    }
    return c.text(String(passed));
  });

const isOurs = ({ url }: Request) => url.includes("/bench/") && !url.includes("/api/");

export default {
  fetch: (request, env, ctx) => (isOurs(request) ? bare.fetch(request, env, ctx) : answerTimed(request, env, ctx)),
  queue: (messages, env) => worker.queue(messages, counted(env)),
  scheduled: (event, env) => worker.scheduled(event, counted(env)),
} satisfies ExportedHandler<Bindings>;

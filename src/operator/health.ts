import { sql } from "drizzle-orm";
import { operatorTokensOf } from "../auth/operator.ts";
import { requirePeppers } from "../auth/secret.ts";
import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import { newestMigration } from "../db/newestMigration.ts";
import { everyPlace, placeOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { masterKeysOf } from "../bytes/masterKeys.ts";
import { organizations } from "../orgs/table.ts";
import { requireSettings, settingFaults } from "../settings.ts";
import { scannerSecretOf } from "../tokens/scanner.ts";

export type CheckResult = "ok" | "failed";

export interface Health {
  /** `degraded`: every request is answered, but the cache or the queue fails. */
  status: "ok" | "degraded" | "failed";
  checks: Record<string, CheckResult>;
  /** The faults of the settings, one sentence each. */
  settings?: string[];
}

/** Timeout of each check, milliseconds. */
const PATIENCE = 3000;
/** How long a result is reused, milliseconds, so that frequent requests do not reach the storage. */
const FRESH = 5000;

type Check = (ctx: RequestContext) => Promise<unknown>;

/** Requests cannot be answered when one of these fails. */
const needed: Record<string, Check> = {
  database: async ({ env }) => {
    await inEveryPlace(env, (store) => batch(store, [store.db.select({ one: sql`1` }).from(sql`(SELECT 1)`)]));
    if (everyPlace(env).length > 1) await inEveryPlace(env, requireOwnOrganizations);
  },
  migrations: ({ env }) => inEveryPlace(env, requireMigrations),
  objects: ({ env }) => env.STATE.head("healthz"),
  stacks: ({ env }) => env.STACKS.get(env.STACKS.idFromName("healthz")).ping(),
  secrets: async ({ env }) => {
    requirePeppers(env);
    masterKeysOf(env.ENCRYPTION_KEYS ?? "");
    if (env.OPERATOR_TOKEN && operatorTokensOf(env).length === 0) throw new Error("OPERATOR_TOKEN is short");
    if (env.LEAK_SCANNER_SECRET && !scannerSecretOf(env)) throw new Error("LEAK_SCANNER_SECRET is short");
  },
  settings: async ({ env }) => requireSettings(env),
};

const inEveryPlace = (env: Bindings, run: (store: Store) => Promise<unknown>) =>
  Promise.all(everyPlace(env).map((at) => run(openStore(at))));

/** Bindings that were exchanged would show each organization an empty deployment. */
async function requireOwnOrganizations(store: Store): Promise<void> {
  const [[row]] = await batch(store, [store.db.select({ id: organizations.id }).from(organizations).limit(1)]);
  if (row && placeOf(row.id) !== store.place)
    throw new Error(`the binding of database ${store.place} has organizations of database ${placeOf(row.id)}`);
}

async function requireMigrations(store: Store): Promise<void> {
  const [rows] = await batch(store, [
    store.db.select({ name: sql`name` }).from(sql`(SELECT name FROM d1_migrations WHERE name = ${newestMigration})`),
  ]);
  if (rows.length === 0) throw new Error(`${newestMigration} was not applied`);
}

/** Without the cache, identities are read from the database; without the queue, audit events wait in the database. */
const spared: Record<string, Check> = {
  cache: ({ env }) => env.TOKEN_CACHE.get("healthz"),
  queue: ({ env }) => env.AUDIT.metrics(),
};

let known: { health: Health; at: number } | undefined;

/** Whether this deployment is ready to answer. An isolate runs the checks at most every five seconds. */
export async function readHealth(ctx: RequestContext): Promise<Health> {
  if (known && Math.abs(ctx.now - known.at) < FRESH) return known.health;
  // Requests that arrive meanwhile get the previous result.
  if (known) known.at = ctx.now;
  const names = [...Object.keys(needed), ...Object.keys(spared)];
  const verdicts = await Promise.all(names.map((name) => verdictOf(name, (needed[name] ?? spared[name])!, ctx)));
  const checks = Object.fromEntries(names.map((name, i) => [name, verdicts[i]!]));
  const failed = names.filter((name) => checks[name] === "failed");
  const status = failed.some((name) => name in needed) ? "failed" : failed.length > 0 ? "degraded" : "ok";
  const settings = settingFaults(ctx.env);
  known = { health: { status, checks, ...(settings.length > 0 && { settings }) }, at: ctx.now };
  return known.health;
}

/** The route is public, so the reason of a failure is only logged. Faults of settings are returned. */
async function verdictOf(name: string, check: Check, ctx: RequestContext): Promise<CheckResult> {
  const answered = new AbortController();
  const late = scheduler.wait(PATIENCE, { signal: answered.signal }).then(() => {
    throw new Error(`no answer within ${PATIENCE} ms`);
  });
  try {
    await Promise.race([check(ctx), late]);
    return "ok";
  } catch (error) {
    logError(`health: ${name} failed`, error);
    return "failed";
  } finally {
    answered.abort();
  }
}

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { is } from "drizzle-orm";
import { SQLiteTable, getTableConfig } from "drizzle-orm/sqlite-core";
import { expect } from "vitest";
import * as schema from "../../src/db/schema.ts";
import type { Bindings } from "../../src/env.ts";

const all = (Object.values(schema) as unknown[]).filter((value) => is(value, SQLiteTable)).map((table) => getTableConfig(table).name);
/** Tables that also record work that changed nothing: refusals, counts, and the progress of the cron and of webhooks. */
const traces = [
  "audit_outbox",
  "audit_events",
  "audit_heads",
  "audit_archives",
  "audit_archived_ids",
  "token_usage",
  "token_origins",
  "measures",
  "sweeps",
  "webhook_cursors",
];
const tables = all.filter((name) => !traces.includes(name));

const lastUse = { last_used_at: undefined, last_used_address: undefined, last_used_country: undefined, last_used_client: undefined };
/** Columns that the sender of an audit stream writes by itself: its progress and its failures. */
const progress = {
  delivered_through: undefined,
  checkpoint_day: undefined,
  last_success_at: undefined,
  failing_since: undefined,
  failures: undefined,
  retry_at: undefined,
  error: undefined,
};

/**
 * All present rows except those traces of work. The time at which a token was last used does not count as a change, and neither does the
 * progress of an audit stream.
 */
export async function records(database: D1Database = env.DB): Promise<Record<string, unknown[]>> {
  const results = await database.batch<Record<string, unknown>>(
    tables.map((table) => database.prepare(`SELECT * FROM ${table} ORDER BY rowid`)),
  );
  return Object.fromEntries(tables.map((table, i) => [table, results[i]!.results.map((row) => ({ ...row, ...lastUse, ...progress }))]));
}

/** Expects that `work` changes no record and no object. Audit events have assertions of their own. */
export async function changesNothing(work: () => Promise<unknown>): Promise<void> {
  const before = { records: await records(), objects: await objectKeys() };
  await work();
  expect({ records: await records(), objects: await objectKeys() }).toEqual(before);
}

/** Keys of all objects in R2. */
export const objectKeys = async () => (await env.STATE.list()).objects.map((object) => object.key);

/** All stored data as one text: D1, KV, R2 and the stacks' own objects. */
export async function everythingStored(coordinators: string[]): Promise<string> {
  const parts = [JSON.stringify(await records())];
  for (const table of traces) parts.push(JSON.stringify((await env.DB.prepare(`SELECT * FROM ${table}`).all()).results));
  for (const { name } of (await env.TOKEN_CACHE.list()).keys) parts.push(name, (await env.TOKEN_CACHE.get(name)) ?? "");
  for (const key of await objectKeys()) parts.push(key, (await (await env.STATE.get(key))?.text()) ?? "");
  for (const name of coordinators) {
    const stacks = (env as Bindings).STACKS;
    parts.push(await runInDurableObject(stacks.get(stacks.idFromName(name)), (_, state) => rowsOf(state.storage.sql)));
  }
  return parts.join("\n");
}

function rowsOf(sql: SqlStorage): string {
  const decoder = new TextDecoder();
  const names = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
    .toArray();
  const rows = names.flatMap(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray());
  return JSON.stringify(rows, (_, value: unknown) => (value instanceof ArrayBuffer ? decoder.decode(value) : value));
}

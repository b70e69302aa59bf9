import { env } from "cloudflare:workers";
import { expect } from "vitest";

/** Every row that names an object, with what it names. */
const pointers = `
  SELECT 'stack ' || id AS row, state_key AS key FROM stacks WHERE state_key IS NOT NULL
  UNION ALL SELECT 'update ' || id, state_key FROM updates WHERE state_key IS NOT NULL
  UNION ALL SELECT 'update ' || id, json_extract(config, '$') FROM updates WHERE config LIKE '"%'`;

async function allKeys(): Promise<Set<string>> {
  const keys = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const page = await env.STATE.list(cursor === undefined ? {} : { cursor });
    for (const { key } of page.objects) keys.add(key);
    if (!page.truncated) return keys;
    cursor = page.cursor;
  }
}

/** Reads all rows and all objects, and expects that each object that a row names exists. @returns the objects that no row names */
export async function orphans(): Promise<string[]> {
  const keys = await allKeys();
  const { results } = await env.DB.prepare(pointers).all<{ row: string; key: string }>();
  expect(results.filter(({ key }) => !keys.has(key))).toEqual([]);
  const named = new Set(results.map(({ key }) => key));
  const ids = new Set(
    (await env.DB.prepare("SELECT id FROM updates UNION SELECT id FROM stacks").all<{ id: string }>()).results.map(({ id }) => id),
  );
  return [...keys].filter((key) => !named.has(key) && !ids.has(key.split(/[/.]/)[1]!));
}

/**
 * Expects that the stored data are consistent: each object that a row names exists; a stack's current state is that of its newest version;
 * versions have no gap; and an update that runs is its stack's own running update.
 */
export async function expectSound(): Promise<void> {
  await orphans();
  const { results } = await env.DB.prepare("SELECT id, version, running_update FROM stacks").all<{
    id: string;
    version: number;
    running_update: string | null;
  }>();
  for (const stack of results) {
    const rows = await env.DB.prepare(
      "SELECT id, version, status, ended_at FROM updates WHERE stack_id = ? AND dry_run = 0 ORDER BY version",
    )
      .bind(stack.id)
      .all<{ id: string; version: number | null; status: string; ended_at: number | null }>();
    const numbered = rows.results.filter(({ version }) => version !== null);
    const ended = numbered.filter(({ status }) => status !== "running");
    expect(ended.map(({ version }) => version)).toEqual(Array.from({ length: stack.version }, (_, i) => i + 1));
    expect(numbered.filter(({ status }) => status === "running").map(({ id }) => id)).toEqual(
      stack.running_update === null ? [] : [stack.running_update],
    );
    for (const { status, ended_at: at } of rows.results) expect(at !== null, status).toBe(status !== "running" && status !== "not started");
  }
}

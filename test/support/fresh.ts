import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect } from "vitest";
import { forgetKeys } from "../../src/identity/publish.ts";
import { enforceRowLimits, enforceStatementLimits } from "./d1Limits.ts";

/**
 * Empties all bindings. Work that an earlier test left behind may hold the database while it is deleted, and then
 * nothing happens: so this looks, and tries again.
 */
export async function freshBindings(): Promise<void> {
  forgetKeys();
  await emptyBindings();
  await makeTables();
}

let isShared = false;

/** Before each test. */
export async function freshUnlessShared(): Promise<void> {
  if (!isShared) await freshBindings();
}

/** Makes the bindings once for all tests of a file or of a `describe`, which only read. */
export function shareBindings(make: () => Promise<void>): void {
  beforeAll(async () => {
    await freshBindings();
    await make();
    isShared = true;
  });
  afterAll(() => void (isShared = false));
}

/** The same, without the tables of the database. */
export async function emptyBindings(): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await reset();
    const tables = await env.DB.prepare("SELECT count(*) AS n FROM sqlite_master").first<number>("n");
    if (tables === 0) return emptyBucket();
    await scheduler.wait(20);
  }
  throw new Error("the bindings could not be emptied");
}

/** What an upload of an earlier test wrote while the bindings were emptied. */
async function emptyBucket(): Promise<void> {
  const { objects } = await env.STATE.list();
  if (objects.length > 0) await env.STATE.delete(objects.map(({ key }) => key));
}

/** How the migrations leave the database. */
interface Made {
  /** Each table, index and trigger, those that SQLite makes by itself among them. */
  schema: Item[];
  /** Names of the migrations. */
  migrations: string;
  /** Whether the statements of the schema have been seen to make the same schema. */
  isChecked: boolean;
}

interface Item {
  type: string;
  name: string;
  sql: string | null;
}

let made: Made | undefined;

/** Applies the migrations once. After that their outcome is made in one call: the migrations themselves take seven times as long. */
async function makeTables(): Promise<void> {
  if (made) return copyTables(made, env.DB);
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  enforceStatementLimits();
  await enforceRowLimits();
  made = { schema: await readSchema(), migrations: JSON.stringify(env.TEST_MIGRATIONS.map(({ name }) => name)), isChecked: false };
  // A copy has no rows.
  for (const { type, name } of made.schema) {
    if (type !== "table" || name === "d1_migrations" || ITS_OWN.test(name)) continue;
    if (await env.DB.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).first()) throw new Error(`a migration writes rows into ${name}`);
  }
}

/** Makes the tables in another database, which is empty. */
export const makeTablesIn = (database: D1Database): Promise<void> => copyTables(made!, database);

async function copyTables(original: Made, database: D1Database): Promise<void> {
  // The simulator takes several statements in one, which takes half the time of a batch.
  const statements = original.schema.flatMap(({ name, sql }) => (sql === null || ITS_OWN.test(name) ? [] : [sql]));
  const names = database.prepare("INSERT INTO d1_migrations (name) SELECT value FROM json_each(?)").bind(original.migrations);
  await database.batch([database.prepare(statements.join(";\n")), names]);
  if (original.isChecked || database !== env.DB) return;
  expect(await readSchema()).toEqual(original.schema);
  original.isChecked = true;
}

/** What SQLite makes by itself: also the tables behind the full-text index `audit_text`, but not the triggers that fill it. */
const ITS_OWN = /^(?:sqlite_|_cf_|audit_text_(?:config|content|data|docsize|idx)$)/;

async function readSchema(): Promise<Item[]> {
  const { results } = await env.DB.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY rowid").all<
    Item & Record<string, unknown>
  >();
  return results.map(({ type, name, sql }) => ({ type, name, sql }));
}

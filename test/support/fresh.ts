import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect } from "vitest";
import { forgetKeys } from "../../src/identity/publish.ts";
import { beginTest, endEarlierTests } from "./main.ts";
import { enforceStatementLimits, withRowLimit } from "./d1Limits.ts";

/** Whether any code has called a binding since the bindings were last emptied. Many tests call none. */
let isUsed = true;

/** Empties all bindings, and makes the tables of the database. */
export async function freshBindings(): Promise<void> {
  forgetKeys();
  await endEarlierTests();
  watchBindings();
  if (isUsed) {
    await emptyBindings();
    await makeTables();
    isUsed = false;
  }
  beginTest();
}

let isWatched = false;

/** Notes from now on each call of a binding by the tests, the Worker and its objects, which all run in this isolate. */
function watchBindings(): void {
  if (isWatched) return;
  isWatched = true;
  const { DB, SECOND, TOKEN_CACHE, STATE, AUDIT, STACKS, FAILED_CREDENTIALS } = env;
  // A test file may keep a statement or a session and call it without its database, so these are watched as well.
  const used = [DB, DB.withSession(), DB.prepare("SELECT 1"), SECOND, TOKEN_CACHE, STATE, AUDIT, STACKS, FAILED_CREDENTIALS];
  for (const prototype of new Set<Record<string, unknown>>(used.map((binding) => Object.getPrototypeOf(binding) as never)))
    for (const [name, { value: method }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (typeof method === "function" && name !== "constructor")
        prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
          isUsed = true;
          return Reflect.apply(method, this, args);
        };
}

let isShared = false;

/** Runs before each test. */
export async function freshUnlessShared(): Promise<void> {
  if (!isShared) await freshBindings();
}

/** Makes the bindings once for all tests of a file or of a `describe`. These tests must only read. */
export function shareBindings(make: () => Promise<void>): void {
  beforeAll(async () => {
    await freshBindings();
    await make();
    isShared = true;
  });
  afterAll(() => void (isShared = false));
}

/**
 * Makes empty bindings, without the tables of the database. If work of an earlier test still uses the database, the deletion has no effect,
 * so this checks the result and tries again.
 */
export async function emptyBindings(): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await reset();
    const tables = await env.DB.prepare("SELECT count(*) AS n FROM sqlite_master").first<number>("n");
    if (tables === 0) return emptyBucket();
    await scheduler.wait(20);
  }
  throw new Error("the bindings could not be emptied");
}

/** Deletes objects that an upload of an earlier test wrote while the bindings were emptied. */
async function emptyBucket(): Promise<void> {
  const { objects } = await env.STATE.list();
  if (objects.length > 0) await env.STATE.delete(objects.map(({ key }) => key));
}

/** The database after all migrations, with the limits that D1 has on rows. */
interface Made {
  /** Each table, index and trigger, including those that SQLite makes by itself. */
  schema: Item[];
  /** Names of the migrations. */
  migrations: string;
  /** Whether a check has shown that the statements of the schema make the same schema. */
  isChecked: boolean;
}

interface Item {
  type: string;
  name: string;
  sql: string | null;
}

let made: Made | undefined;

/** Applies the migrations once. Later calls create the resulting tables in one call, which is seven times as fast. */
async function makeTables(): Promise<void> {
  made ??= await migrate();
  await copyTables(made, env.DB);
}

async function migrate(): Promise<Made> {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  enforceStatementLimits();
  const schema = (await readSchema()).map((item) =>
    item.type === "table" && item.sql !== null ? { ...item, sql: withRowLimit(item.name, item.sql) } : item,
  );
  // A copy has no rows.
  for (const { type, name } of schema) {
    if (type !== "table" || name === "d1_migrations" || ITS_OWN.test(name)) continue;
    if (await env.DB.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).first()) throw new Error(`a migration writes rows into ${name}`);
  }
  await emptyBindings();
  return { schema, migrations: JSON.stringify(env.TEST_MIGRATIONS.map(({ name }) => name)), isChecked: false };
}

/** Makes the tables in another database, which is empty. */
export const makeTablesIn = (database: D1Database): Promise<void> => copyTables(made!, database);

async function copyTables(original: Made, database: D1Database): Promise<void> {
  // The simulator accepts several statements in one call, which takes half the time of a batch.
  const statements = original.schema.flatMap(({ name, sql }) => (sql === null || ITS_OWN.test(name) ? [] : [sql]));
  const names = database.prepare("INSERT INTO d1_migrations (name) SELECT value FROM json_each(?)").bind(original.migrations);
  await database.batch([database.prepare(statements.join(";\n")), names]);
  if (original.isChecked || database !== env.DB) return;
  expect(await readSchema()).toEqual(original.schema);
  original.isChecked = true;
}

/** Objects that SQLite makes by itself, including the tables behind the full-text index `audit_text`, but not the triggers that fill it. */
const ITS_OWN = /^(?:sqlite_|_cf_|audit_text_(?:config|content|data|docsize|idx)$)/;

async function readSchema(): Promise<Item[]> {
  const { results } = await env.DB.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY rowid").all<
    Item & Record<string, unknown>
  >();
  return results.map(({ type, name, sql }) => ({ type, name, sql }));
}

import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { enforceRowLimits, enforceStatementLimits } from "./d1Limits.ts";

/**
 * Empties all bindings. Work that an earlier test left behind may hold the database while it is deleted, and then
 * nothing happens: so this looks, and tries again.
 */
export async function freshBindings(): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await reset();
    const tables = await env.DB.prepare("SELECT count(*) AS n FROM sqlite_master").first<number>("n");
    if (tables === 0) {
      await emptyBucket();
      await makeTables();
      return;
    }
    await scheduler.wait(20);
  }
  throw new Error("the bindings could not be emptied");
}

/** What an upload of an earlier test wrote while the bindings were emptied. */
async function emptyBucket(): Promise<void> {
  const { objects } = await env.STATE.list();
  if (objects.length > 0) await env.STATE.delete(objects.map(({ key }) => key));
}

/** The statements that make the database as the migrations leave it, and the names of the migrations. */
let made: { tables: string[]; migrations: string } | undefined;

/** Applies the migrations once. After that their outcome is made in one call: the migrations themselves take seven times as long. */
async function makeTables(): Promise<void> {
  if (made) {
    const names = env.DB.prepare("INSERT INTO d1_migrations (name) SELECT value FROM json_each(?)").bind(made.migrations);
    await env.DB.batch([...made.tables.map((sql) => env.DB.prepare(sql)), names]);
    return;
  }
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  enforceStatementLimits();
  await enforceRowLimits();
  made = { tables: await readTables(), migrations: JSON.stringify(env.TEST_MIGRATIONS.map(({ name }) => name)) };
}

/** What SQLite makes by itself, and the tables behind the full-text index `audit_text`. */
const ITS_OWN = /^(?:sqlite_|_cf_|audit_text_)/;

async function readTables(): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").all<{
    type: string;
    name: string;
    sql: string;
  }>();
  const ours = results.filter(({ name }) => !ITS_OWN.test(name));
  // The statements make tables without rows.
  for (const { type, name } of ours) {
    if (type !== "table" || name === "d1_migrations") continue;
    if (await env.DB.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).first()) throw new Error(`a migration writes rows into ${name}`);
  }
  return ours.map(({ sql }) => sql);
}

import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_splitSqlQuery as split } from "wrangler";
import { hashTokenValue, peppersOf } from "../src/auth/secret.ts";
import { withStorage } from "./bindings.ts";
import { configuration, databasesOf } from "./configuration.ts";
import { type Identities, type IssuedTokens, identitiesSql, tokenSql } from "./identities.ts";
import { newSecrets } from "./newSecrets.ts";
import { root } from "./wrangler.ts";

/** The content of `stackpass-dev.json`. */
export interface DevCredentials {
  url: string;
  organizations: IssuedTokens;
}

/** People are users of the whole deployment, so their logins differ between organizations. */
const people = { acme: { ada: "admin", mel: "member" }, globex: { gus: "admin" } } as const satisfies Identities;

/** Secrets of this folder's server, created once: with new ones the existing tokens would be invalid. */
export function secretsFile(directory: string): string {
  const file = join(directory, "secrets.env");
  mkdirSync(directory, { recursive: true });
  if (!existsSync(file)) writeFileSync(file, newSecrets(), { mode: 0o600 });
  return file;
}

/**
 * Prepares a folder for a local server: tables, and the organizations `acme` (an administrator, a member) and `globex` (its own
 * administrator). It can be run again: it applies new migrations, and creates a new token for a person whose token the database does not
 * contain.
 */
export async function prepare(directory: string, url: string, say: (line: string) => void = () => {}): Promise<DevCredentials> {
  const peppers = peppersOf(parseEnv(readFileSync(secretsFile(directory), "utf8"))["TOKEN_PEPPER"] ?? "");
  const file = join(directory, "stackpass-dev.json");
  const stored = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as DevCredentials).organizations : {};
  const bindings = databasesOf(configuration());
  const organizations = await withStorage(directory, async ({ DB, ...others }) => {
    // A deployment is not ready before each of its databases has its tables.
    await Promise.all([DB, ...bindings.slice(1).map((name) => others[name] as D1Database)].map(migrate));
    const issued = await issue(DB, stored, peppers);
    if (issued.renewed && existsSync(file))
      say("The tokens in stackpass-dev.json did not belong to this database, so new ones were created.");
    return issued.tokens;
  });
  const credentials: DevCredentials = { url, organizations };
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}

/** Applies migrations as `wrangler d1 migrations apply` does, and with the same table, so that both can be used. */
async function migrate(database: D1Database): Promise<void> {
  await database
    .prepare(
      "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    )
    .run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const folder = join(root, "migrations");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql") && !applied.has(name));
  for (const name of files.toSorted()) {
    const statements = split(readFileSync(join(folder, name), "utf8")).map((statement) => database.prepare(statement));
    await database.batch([...statements, database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name)]);
  }
}

/** Tokens that are valid in the database, by organization and role: the stored ones, or new ones instead. */
async function issue(database: D1Database, stored: IssuedTokens, peppers: string[]): Promise<{ tokens: IssuedTokens; renewed: boolean }> {
  const tokens: IssuedTokens = {};
  let renewed = false;
  for (const [organization, members] of Object.entries(people)) {
    tokens[organization] = {};
    const isThere = await database.prepare("SELECT 1 FROM organizations WHERE name = ?").bind(organization).first();
    const fresh = isThere ? undefined : await identitiesSql({ [organization]: members }, peppers, Date.now());
    if (fresh) await run(database, fresh.sql);
    for (const [login, role] of Object.entries(members)) {
      const known = await isKnown(database, stored[organization]?.[role], peppers);
      tokens[organization][role] = known ?? fresh?.tokens[organization]![login] ?? (await newToken(database, login, peppers));
      renewed ||= known === undefined;
    }
  }
  return { tokens, renewed };
}

/** @returns the token if it is valid in this database */
async function isKnown(database: D1Database, token: string | undefined, peppers: string[]): Promise<string | undefined> {
  const hash = token && (await hashTokenValue(peppers, token));
  if (!hash) return undefined;
  const row = await database
    .prepare("SELECT 1 FROM access_tokens WHERE hash = ? AND deleted_at IS NULL AND disabled_at IS NULL")
    .bind(hash)
    .first();
  return row ? token : undefined;
}

async function newToken(database: D1Database, login: string, peppers: string[]): Promise<string> {
  const userId = await database.prepare("SELECT id FROM users WHERE login = ?").bind(login).first<string>("id");
  if (userId === null) throw new Error(`the database has no ${login}: it was not created by npm run dev`);
  const { sql, token } = await tokenSql(userId, login, peppers, Date.now());
  await run(database, sql);
  return token;
}

async function run(database: D1Database, sql: string): Promise<void> {
  await database.batch(split(sql).map((statement) => database.prepare(statement)));
}

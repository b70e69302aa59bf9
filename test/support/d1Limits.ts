import { env } from "cloudflare:workers";
import { is } from "drizzle-orm";
import { SQLiteTable, getTableConfig } from "drizzle-orm/sqlite-core";
import * as schema from "../../src/db/schema.ts";

/** Limits of D1 that its local simulator lacks, or has only in part (platform-facts D-2, D-3). */
const MOST_BYTES = 2_000_000;
const MOST_SQL_BYTES = 100_000;
const MOST_PARAMETERS = 100;

const size = (text: string) => new TextEncoder().encode(text).length;
const tooBig = () => new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts `check` in front of a method of the class that `instance` is of. */
function before(instance: object, name: string, check: (args: unknown[]) => void): void {
  const prototype = Object.getPrototypeOf(instance) as Record<string, Method>;
  const method = prototype[name]!;
  prototype[name] = function (...args) {
    check(args);
    return method.apply(this, args);
  };
}

const checkSql = ([query]: unknown[]) => {
  if (size(String(query)) > MOST_SQL_BYTES) throw new Error("D1_ERROR: statement too long: SQLITE_TOOBIG");
};
const checkParameters = (values: unknown[]) => {
  if (values.length > MOST_PARAMETERS) throw new Error("D1_ERROR: too many SQL variables: SQLITE_ERROR");
  for (const value of values) if (typeof value === "string" && size(value) > MOST_BYTES) throw tooBig();
};

let enforced = false;

/** Makes the simulator refuse every statement and value that D1 would refuse. */
export function enforceStatementLimits(): void {
  if (enforced) return;
  enforced = true;
  before(env.DB, "prepare", checkSql);
  before(env.DB.withSession(), "prepare", checkSql);
  before(env.DB.prepare("SELECT 1"), "bind", checkParameters);
}

/**
 * Adds a constraint to the statement that makes a table: it refuses rows that D1 refuses, whatever statement made them. A trigger for each
 * table would double the time in which the tables are made.
 */
export function withRowLimit(name: string, statement: string): string {
  const columns = textColumns.get(name);
  if (!columns) return statement;
  const bytes = columns.map((column) => `coalesce(length(CAST("${column}" AS BLOB)), 0)`).join(" + ");
  return statement.replace(/\)\s*$/, `, CONSTRAINT "string or blob too big: SQLITE_TOOBIG" CHECK (${bytes} <= ${MOST_BYTES}))`);
}

/** All columns of each table that has one with text. */
const textColumns = new Map(
  (Object.values(schema) as unknown[])
    .filter((value) => is(value, SQLiteTable))
    .map((table) => getTableConfig(table))
    .filter(({ columns }) => columns.some((column) => column.getSQLType() === "text"))
    .map(({ name, columns }) => [name, columns.map((column) => column.name)]),
);

import { env } from "cloudflare:workers";
import { is } from "drizzle-orm";
import { SQLiteTable, getTableConfig } from "drizzle-orm/sqlite-core";
import * as schema from "../../src/db/schema.ts";

/** The limits that D1 has and its local simulator has not, or not all of them (platform-facts D-2, D-3). */
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

/** From now on the simulator refuses a statement or a value that D1 refuses, whoever sends it. */
export function enforceStatementLimits(): void {
  if (enforced) return;
  enforced = true;
  before(env.DB, "prepare", checkSql);
  before(env.DB.withSession(), "prepare", checkSql);
  before(env.DB.prepare("SELECT 1"), "bind", checkParameters);
}

/** Makes the database refuse rows that D1 refuses, however they came about. */
export const enforceRowLimits = () => env.DB.batch(triggers.map((text) => env.DB.prepare(text)));

const triggers = (Object.values(schema) as unknown[])
  .filter((value) => is(value, SQLiteTable))
  .map((table) => getTableConfig(table))
  .filter(({ columns }) => columns.some((column) => column.getSQLType() === "text"))
  .flatMap(({ name, columns }) => {
    const bytes = columns.map((column) => `coalesce(length(CAST(NEW."${column.name}" AS BLOB)), 0)`).join(" + ");
    return ["INSERT", "UPDATE"].map(
      (event) => `CREATE TRIGGER "row_size_${name}_${event}" AFTER ${event} ON "${name}" WHEN ${bytes} > ${MOST_BYTES}
        BEGIN SELECT RAISE(ABORT, 'string or blob too big: SQLITE_TOOBIG'); END`,
    );
  });

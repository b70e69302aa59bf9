import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { getTableColumns, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import * as schema from "../src/db/schema.ts";
import { insertsIn } from "./insertLists.ts";
import { root } from "./wrangler.ts";

/**
 * An `INSERT … SELECT` in SQL text has its values in the order of the table's columns. After a new column, each of them needs another value: the
 * database refuses one with too few, but only when it runs.
 */
export async function insertFaults(): Promise<string[]> {
  const columns = new Map(
    Object.entries(schema).flatMap(([name, table]) => (is(table, SQLiteTable) ? [[name, Object.keys(getTableColumns(table)).length]] : [])),
  );
  const faults: string[] = [];
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root }))
    for (const { table, values } of insertsIn(readFileSync(join(root, file), "utf8")))
      if (values !== columns.get(table))
        faults.push(`${file}: an insert into ${table} has ${values} values, and the table has ${columns.get(table) ?? "no"} columns`);
  return faults;
}

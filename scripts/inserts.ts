import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { getTableColumns, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import * as schema from "../src/db/schema.ts";
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

/** The inserts of a source whose values can be counted: a list that is a single `${…}` is made elsewhere. */
export function insertsIn(source: string): { table: string; values: number }[] {
  return [...source.matchAll(/\.insert\((\w+)\)\s*\.select\(\s*sql`\s*SELECT\s/g)].flatMap((match) => {
    const list = selectList(source.slice(match.index + match[0].length));
    return list.length === 1 && /^\$\{.*\}$/s.test(list[0]!) ? [] : [{ table: match[1]!, values: list.length }];
  });
}

/** The values between SELECT and FROM or WHERE, or the end of the template. */
function selectList(text: string): string[] {
  const values = [""];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "$" && text[i + 1] === "{") {
      const end = endOfCode(text, i + 2);
      values.push(values.pop()! + text.slice(i, end));
      i = end - 1;
      continue;
    }
    if (char === "`") break;
    if (char === "'") {
      const end = text.indexOf("'", i + 1) + 1;
      values.push(values.pop()! + text.slice(i, end));
      i = end - 1;
      continue;
    }
    if (depth === 0 && /^\s(?:FROM|WHERE)\s/.test(text.slice(i, i + 7))) break;
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (char === "," && depth === 0) values.push("");
    else values.push(values.pop()! + char);
  }
  return values.map((value) => value.trim());
}

/** The index after the brace that ends `${`. Code in it may have templates with code of their own. */
function endOfCode(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "}") return i + 1;
    if (text[i] === "{") i = endOfCode(text, i + 1) - 1;
    else if (text[i] === '"') i = text.indexOf('"', i + 1);
    else if (text[i] === "`") {
      for (i++; text[i] !== "`"; i++) if (text[i] === "$" && text[i + 1] === "{") i = endOfCode(text, i + 2) - 1;
    }
  }
  return text.length;
}

import { getTableColumns, is } from "drizzle-orm";
import { type SQLiteTable, SQLiteTable as Table, getTableConfig } from "drizzle-orm/sqlite-core";
import * as schema from "../src/db/schema.ts";

export interface TableShape {
  name: string;
  columns: string[];
}

/** Our own tables, each after those that it refers to. The index of the audit log's words is left out, because triggers fill it. */
export function tables(): TableShape[] {
  const left = (Object.values(schema) as unknown[]).filter((value): value is SQLiteTable => is(value, Table));
  const sorted: SQLiteTable[] = [];
  while (left.length > 0) {
    const next = left.findIndex((table) =>
      getTableConfig(table).foreignKeys.every((key) => {
        const to = key.reference().foreignTable;
        return to === table || sorted.includes(to as SQLiteTable);
      }),
    );
    if (next < 0) throw new Error("the references of the tables form a cycle");
    sorted.push(...left.splice(next, 1));
  }
  return sorted.map((table) => ({
    name: getTableConfig(table).name,
    columns: Object.values(getTableColumns(table)).map((column) => column.name),
  }));
}

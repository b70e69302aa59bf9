import { getTableColumns, is } from "drizzle-orm";
import { type SQLiteTable, SQLiteTable as Table, getTableConfig } from "drizzle-orm/sqlite-core";
import * as schema from "../src/db/schema.ts";

export interface TableShape {
  name: string;
  columns: string[];
}

/** Our own tables, each behind those that it refers to. The index of the audit log's words is no table of ours: triggers fill it. */
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
    if (next < 0) throw new Error("the tables refer to each other in a circle");
    sorted.push(...left.splice(next, 1));
  }
  return sorted.map((table) => ({
    name: getTableConfig(table).name,
    columns: Object.values(getTableColumns(table)).map((column) => column.name),
  }));
}

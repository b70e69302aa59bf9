import { type SQL, getTableColumns, sql } from "drizzle-orm";
import { type Actor, loginOf } from "../context.ts";
import type { Store } from "../db/client.ts";
import { stacks } from "../stacks/table.ts";
import { updates } from "../updates/table.ts";

/** Values of a new row by column: a plain value, or SQL over the stack's own row. A column that is left out is null. */
type Values = { [K in keyof typeof updates.$inferInsert]: (typeof updates.$inferInsert)[K] | SQL };

/** Inserts a row for an update of the stack that `where` finds; no row if there is no such stack. */
export function insertUpdateRow(store: Store, where: SQL | undefined, values: Omit<Values, "stackId">) {
  const all: Partial<Record<string, unknown>> = { ...values, stackId: stacks.id };
  const columns = Object.entries(getTableColumns(updates)).map(([name, column]) => {
    const value = all[name] ?? null;
    return typeof value === "object" ? sql`${value}` : sql`${column.mapToDriverValue(value)}`;
  });
  return store.db.insert(updates).select(sql`SELECT ${sql.join(columns, sql`, `)} FROM ${stacks} WHERE ${where}`);
}

/** Columns of an update that starts and ends at the same time: an import, a rename, a re-encryption. */
export const overAtOnce = (actor: Actor, now: number) =>
  ({
    ...startedBy(actor),
    dryRun: false,
    status: "succeeded",
    version: sql`${stacks.version} + 1`,
    environment: "{}",
    createdAt: now,
    startedAt: now,
    endedAt: now,
  }) as const;

/** Columns that name the caller. */
export const startedBy = (actor: Actor) => ({ requestedBy: loginOf(actor), tokenId: actor.token.id, tokenName: actor.token.name });

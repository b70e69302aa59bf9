import { type SQL, getTableColumns, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import { auditOutbox } from "../audit/table.ts";
import type { Store } from "../db/client.ts";
import { badRequest } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { type Edit, keysOf } from "./tables.ts";

type Fields = Record<string, SQLiteColumn | SQL>;
type Row = Record<string, unknown>;

const conditions = { allowedCidrs: "allowed networks", allowedCountries: "allowed countries" };
const ofNewTokens = { ...conditions, mayRotateItself: "the permission of a token to rotate itself" };
/** Columns with an effect that is not a right. A dry run cannot show it, so it refuses to change them. */
const beyondRights = new Map<SQLiteTable, Record<string, string>>([
  [
    organizations,
    {
      ...conditions,
      maxTokenExpiryDays: "a policy on expiry",
      disableUnusedTokensAfterDays: "a rule on unused tokens",
      ssoRequired: "a requirement of single sign-on",
      inFlightRevocation: "a rule on running updates",
      maxDrainHours: "a longest drain",
      auditRetentionDays: "a retention of audit events",
    },
  ],
  [accessTokens, { ...ofNewTokens, expiresAt: "an expiry" }],
]);

/**
 * Refuses a new token with a limit that a dry run cannot show. An expiry is allowed, because until then the token has the rights that the
 * answer shows.
 */
function requireShown(table: SQLiteTable, rows: Row[]): void {
  if (table !== accessTokens) return;
  const isSet = (value: unknown) => (Array.isArray(value) ? value.length > 0 : Boolean(value));
  for (const [name, what] of Object.entries(ofNewTokens)) if (rows.some((row) => isSet(row[name]))) throw beyond(what);
}

/**
 * A store for a dry run. It reads as `store` does and writes nothing: a statement that would write is a query of the rows that it would
 * write, and its result is that of `returning`. `edits` lists what would have been written, in order. A later statement does not see the
 * edits of an earlier one. The only rows that are written are events of refusals, because a refused dry run is a refused call.
 */
export function rehearse(store: Store): { store: Store; edits: Edit[] } {
  const { db } = store;
  const edits: Edit[] = [];
  const plans = new Map<unknown, (rows: Row[]) => Edit>();
  const planned = <T extends object>(statement: T, plan: (rows: Row[]) => Edit) => {
    plans.set(statement, plan);
    return statement;
  };
  const query = (table: SQLiteTable, fields: Fields, where: SQL | undefined) =>
    db
      .select(Object.keys(fields).length > 0 ? fields : { one: sql<number>`1` })
      .from(table)
      .where(where);
  const nothing = () =>
    db
      .select({ one: sql<number>`1` })
      .from(sql`(SELECT 1)`)
      .where(sql`0`);

  const update = (table: SQLiteTable) => ({
    set: (set: Row) => ({
      where: (where: SQL | undefined) => {
        const unshown = Object.entries(beyondRights.get(table) ?? {}).filter(([name]) => name in set);
        const plan = (rows: Row[]): Edit => {
          for (const [name, what] of unshown)
            if (rows.some((row) => JSON.stringify(row[name]) !== JSON.stringify(set[name]))) throw beyond(what);
          return { table, how: "update", set, rows };
        };
        const fields = {
          ...columnsOf(table, keysOf(table)),
          ...columnsOf(
            table,
            unshown.map(([name]) => name),
          ),
        };
        return returning(fields, (all) => planned(query(table, all, where), plan));
      },
    }),
  });
  const remove = (table: SQLiteTable) => ({
    where: (where: SQL | undefined) =>
      returning(columnsOf(table, keysOf(table)), (all) =>
        planned(query(table, all, where), (rows) => ({ table, how: "delete", set: {}, rows })),
      ),
  });
  const insert = (table: SQLiteTable) => ({
    values: (values: Row | Row[]) => {
      const rows = [values].flat();
      if (table === auditOutbox) return isRefusal(rows) ? db.insert(auditOutbox).values(values as never) : nothing();
      return planned(nothing(), () => {
        requireShown(table, rows);
        return { table, how: "insert", set: {}, rows };
      });
    },
    select: (select: SQL) => {
      if (table === auditOutbox) return nothing();
      const columns = Object.entries(getTableColumns(table)).map(([key, { name }]) => [key, sql.raw(`"${name}"`)] as const);
      const names = sql.join(
        columns.map(([, name]) => name),
        sql`, `,
      );
      const rows = db.select(Object.fromEntries(columns)).from(sql`(WITH inserted(${names}) AS (${select}) SELECT * FROM inserted)`);
      const statement = planned(rows, (found) => ({ table, how: "insert", set: {}, rows: found }));
      return Object.assign(statement, { onConflictDoNothing: () => statement, onConflictDoUpdate: () => statement });
    },
  });
  const batch = async (statements: Parameters<typeof db.batch>[0]) => {
    const results = await db.batch(statements);
    edits.push(
      ...statements.flatMap((statement, i) => {
        const plan = plans.get(statement);
        return plan ? [plan(results[i] as Row[])] : [];
      }),
    );
    return results;
  };
  const rehearsing = { select: db.select.bind(db), batch, update, delete: remove, insert };
  return { store: { place: store.place, db: rehearsing as unknown as Store["db"] }, edits };
}

const columnsOf = (table: SQLiteTable, keys: string[]): Fields => {
  const columns = getTableColumns(table);
  return Object.fromEntries(keys.map((key) => [key, columns[key]!]));
};

/** A statement that also has the columns of `returning`, if it is called. */
function returning<T extends object>(fields: Fields, statement: (fields: Fields) => T) {
  return Object.assign(statement(fields), { returning: (more: Fields) => statement({ ...fields, ...more }) });
}

const isRefusal = (rows: Row[]) => rows.every(({ body }) => (JSON.parse(String(body)) as { authFailure: boolean }).authFailure);

const beyond = (what: string) =>
  badRequest(
    `a dry run shows which rights people and tokens gain and lose, and cannot show the effect of ${what}: leave it out, or make the call without dryRun`,
  );

/**
 * The migrations of an object's own tables. Each one leads from the version before to its own. The list is append-only: an object keeps its
 * version until its next request, which may come years later. The tables of version 1 may exist already, because earlier releases gave
 * objects no version.
 *
 * The JSON of a stored run has no version. Members may only be added to it, and an added member is optional (`Run` in runs.ts).
 */
export const migrations: readonly string[] = [
  // `received` has a row id. Without it SQLite would read the bodies when it compares keys.
  `CREATE TABLE IF NOT EXISTS runs (update_id TEXT PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE IF NOT EXISTS received (
     update_id TEXT NOT NULL, kind TEXT NOT NULL, batch INTEGER NOT NULL, part INTEGER NOT NULL,
     encoding TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (update_id, kind, batch, part)
   )`,
  `CREATE TABLE IF NOT EXISTS departure (at INTEGER NOT NULL)`,
];

/**
 * Migrates the tables of an object to the newest version. Each migration and its version are written in one transaction. Tables of a
 * version that this release does not know stay as they are: a later release, which was rolled back, wrote them.
 */
export function migrate(storage: Pick<DurableObjectStorage, "sql" | "transactionSync">, list = migrations): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
  const version = sql.exec<{ version: number | null }>("SELECT max(version) AS version FROM schema_version").one().version ?? 0;
  for (const [i, statements] of list.entries()) {
    if (i < version) continue;
    storage.transactionSync(() => {
      sql.exec(statements);
      sql.exec("INSERT INTO schema_version VALUES (?)", i + 1);
    });
  }
}

type Value = string | number | null;

/**
 * The object's own tables. An object that has never stored anything has none: its first write creates them. So an object that is only asked
 * stores nothing, and the first update of a stack waits for one durable write of the object at its start.
 */
export class Tables {
  readonly #storage: Pick<DurableObjectStorage, "sql" | "transactionSync">;
  #exist: boolean;

  constructor(storage: Pick<DurableObjectStorage, "sql" | "transactionSync">) {
    this.#storage = storage;
    // An object that is older than the versions has only the other tables.
    this.#exist = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name IN ('schema_version', 'runs')").toArray().length > 0;
    if (this.#exist) migrate(storage);
  }

  /** The rows of a query: none before the first write. */
  read<T extends Record<string, Value>>(query: string): T[] {
    return this.#exist ? this.#storage.sql.exec<T>(query).toArray() : [];
  }

  write(statement: string, ...values: Value[]): void {
    if (!this.#exist) migrate(this.#storage);
    this.#exist = true;
    this.#storage.sql.exec(statement, ...values);
  }
}

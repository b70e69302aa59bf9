/**
 * What each version of an object's own tables adds to the version before. Append only: objects that are at rest keep the version that they
 * have until they wake, which may be years later. The tables of version 1 may be there already: objects had no version before it.
 *
 * The JSON of a stored run has no version. Its members are only added, and each one that is added is optional (`Run` in runs.ts).
 */
export const migrations: readonly string[] = [
  // With a row id in `received`: without, SQLite would read through the bodies while it compares keys.
  `CREATE TABLE IF NOT EXISTS runs (update_id TEXT PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE IF NOT EXISTS received (
     update_id TEXT NOT NULL, kind TEXT NOT NULL, batch INTEGER NOT NULL, part INTEGER NOT NULL,
     encoding TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (update_id, kind, batch, part)
   )`,
];

/**
 * Brings the tables of an object to the newest version, each migration with its version in one transaction. Tables of a version that this
 * release does not know stay as they are: a later release wrote them, and was rolled back.
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

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { Tables, migrate, migrations } from "../../src/coordinator/storage/schema.ts";

/** Does some work with the storage of a new object. */
const inNewObject = <T>(name: string, work: (storage: DurableObjectStorage) => T): Promise<T> =>
  runInDurableObject(env.STACKS.get(env.STACKS.idFromName(name)), (_, state) => work(state.storage));

/** Does some work with the storage of an object that has its tables already. */
const inObject = <T>(name: string, work: (storage: DurableObjectStorage) => T): Promise<T> =>
  inNewObject(name, (storage) => {
    migrate(storage);
    return work(storage);
  });

const tablesOf = ({ sql }: DurableObjectStorage) =>
  sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'").toArray();

const versions = ({ sql }: DurableObjectStorage) => sql.exec("SELECT version FROM schema_version ORDER BY version").toArray();
const runs = ({ sql }: DurableObjectStorage) => sql.exec("SELECT * FROM runs").toArray();

describe("the tables of a stack's object", () => {
  it("are created by the first write, in the newest version", async () => {
    const found = await inNewObject("new", (storage) => {
      const tables = new Tables(storage);
      const rows = tables.read("SELECT * FROM runs");
      const before = tablesOf(storage);
      tables.write("INSERT INTO runs VALUES (?, ?)", "update", "{}");
      return { rows, before, after: tables.read("SELECT * FROM runs"), versions: versions(storage) };
    });
    expect(found).toEqual({
      rows: [],
      before: [],
      after: [{ update_id: "update", body: "{}" }],
      versions: migrations.map((_, i) => ({ version: i + 1 })),
    });
  });

  it("do not exist in an object that was only asked", async () => {
    const stub = env.STACKS.get(env.STACKS.idFromName("asked"));
    expect(await stub.nearby({ tokenHash: "none" })).toEqual({});
    expect(await inNewObject("asked", tablesOf)).toEqual([]);
  });

  it("are read again by an object that has them", async () => {
    const found = await inObject("known", (storage) => {
      storage.sql.exec("DROP TABLE schema_version");
      storage.sql.exec("INSERT INTO runs VALUES ('update', '{}')");
      return { runs: new Tables(storage).read("SELECT * FROM runs"), versions: versions(storage).length };
    });
    expect(found).toEqual({ runs: [{ update_id: "update", body: "{}" }], versions: migrations.length });
  });

  it("keep their rows in an object that had no version", async () => {
    const found = await inObject("old", (storage) => {
      storage.sql.exec("DROP TABLE schema_version");
      storage.sql.exec("INSERT INTO runs VALUES ('update', '{}')");
      migrate(storage);
      return { runs: runs(storage), versions: versions(storage).length };
    });
    expect(found).toEqual({ runs: [{ update_id: "update", body: "{}" }], versions: migrations.length });
  });

  it("get each later migration once", async () => {
    const later = [...migrations, "ALTER TABLE runs ADD COLUMN note TEXT"];
    const found = await inObject("later", (storage) => {
      storage.sql.exec("INSERT INTO runs VALUES ('update', '{}')");
      migrate(storage, later);
      migrate(storage, later);
      // After a rollback, the older release knows fewer versions.
      migrate(storage);
      return { runs: runs(storage), versions: versions(storage).length };
    });
    expect(found).toEqual({ runs: [{ update_id: "update", body: "{}", note: null }], versions: later.length });
  });

  it("stay as they are when a migration fails", async () => {
    const found = await inObject("failed", (storage) => {
      const broken = [...migrations, "ALTER TABLE runs ADD COLUMN note TEXT; ALTER TABLE no_such_table ADD COLUMN note TEXT"];
      expect(() => migrate(storage, broken)).toThrow("no_such_table");
      storage.sql.exec("INSERT INTO runs VALUES ('update', '{}')");
      return { runs: runs(storage), versions: versions(storage).length };
    });
    expect(found).toEqual({ runs: [{ update_id: "update", body: "{}" }], versions: migrations.length });
  });
});

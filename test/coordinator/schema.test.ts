import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { migrate, migrations } from "../../src/coordinator/storage/schema.ts";

/** Does something with the storage of an object of its own. */
const inObject = <T>(name: string, work: (storage: DurableObjectStorage) => T): Promise<T> =>
  runInDurableObject(env.STACKS.get(env.STACKS.idFromName(name)), (_, state) => work(state.storage));

const versions = ({ sql }: DurableObjectStorage) => sql.exec("SELECT version FROM schema_version ORDER BY version").toArray();
const runs = ({ sql }: DurableObjectStorage) => sql.exec("SELECT * FROM runs").toArray();

describe("the tables of a stack's object", () => {
  it("are of the newest version in a new object", async () => {
    const found = await inObject("new", (storage) => versions(storage));
    expect(found).toEqual(migrations.map((_, i) => ({ version: i + 1 })));
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
      // A release that was rolled back to knows fewer versions.
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

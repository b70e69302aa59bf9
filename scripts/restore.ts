/**
 * `npm run restore -- --from DIR [--local [--persist-to DIR]]`: restores a copy of `npm run backup` into an empty deployment. The code must
 * be of the same release as the copy, and the secrets must be those of that time.
 */
import { createReadStream, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { newestMigration } from "../src/db/newestMigration.ts";
import { type Storage, withStorage } from "./bindings.ts";
import { configuration, severalDatabases } from "./configuration.ts";
import { fail } from "./fail.ts";
import { objectFile } from "./objectFile.ts";
import { type TableShape, tables } from "./tables.ts";
import { readOptions } from "./options.ts";
import { mustWrangle, root } from "./wrangler.ts";

/** Maximum number of characters of a statement's parameter. A character takes up to 3 bytes, and D1 accepts 2 MB (platform-facts D-2). */
const MAX_PARAMETER = 600_000;

const values = readOptions({ from: { type: "string" }, local: { type: "boolean", default: false }, "persist-to": { type: "string" } });
const from = resolve(values.from ?? "");
const copy = readCopy();
const several = severalDatabases(configuration());
if (several) fail(several);
if (copy.newestMigration !== newestMigration)
  fail(
    `this copy ends with migration ${copy.newestMigration}, and this code with ${newestMigration}: restore it with the release that created it`,
  );
const local = values.local ? resolve(values["persist-to"] ?? join(root, ".wrangler/state")) : undefined;

mustWrangle(["d1", "migrations", "apply", "DB", ...(local === undefined ? ["--remote"] : ["--local", "--persist-to", local])]);
await withStorage(local, async (storage) => {
  for (const { name } of tables())
    if ((await storage.DB.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM "${name}" LIMIT 1)`).first<number>("n")) !== 0)
      fail(`${name} is not empty: a copy can only be restored into an empty deployment`);
  // Objects first, so that no row names a missing object.
  const objects = await putObjects(storage);
  if (objects !== copy.objects) fail(`${objects} objects were in the copy instead of ${copy.objects}: the copy is incomplete`);
  for (const table of tables()) {
    const rows = await fill(storage, table);
    if (rows !== copy.rows[table.name])
      fail(`${rows} rows of ${table.name} were in the copy instead of ${copy.rows[table.name]}: the copy is incomplete`);
  }
  // The database's triggers derive columns of members from tables that were not complete yet.
  await storage.DB.prepare("UPDATE members SET role_id = role_id").run();
  console.log(`the copy of ${copy.time} is restored`);
});
process.exit(0);

function readCopy(): { time: string; newestMigration: string; rows: Record<string, number>; objects: number } {
  try {
    return JSON.parse(readFileSync(join(from, "backup.json"), "utf8")) as ReturnType<typeof readCopy>;
  } catch {
    return fail("--from is needed: the folder of a complete backup");
  }
}

function linesOf(file: string) {
  return createInterface({ input: createReadStream(join(from, file), "utf8"), crlfDelay: Infinity });
}

async function putObjects({ STATE }: Storage): Promise<number> {
  let count = 0;
  for await (const line of linesOf("objects.jsonl")) {
    const { key, size, httpMetadata, customMetadata } = JSON.parse(line) as Record<"key", string> & Record<string, never>;
    const bytes = readFileSync(join(from, objectFile(key)));
    if (bytes.length !== size) fail(`${key} has ${bytes.length} bytes instead of ${String(size)}: the copy is incomplete`);
    await STATE.put(key, new Uint8Array(bytes), { httpMetadata, customMetadata });
    count++;
  }
  return count;
}

async function fill({ DB }: Storage, { name, columns }: TableShape): Promise<number> {
  const list = columns.map((column) => `"${column}"`).join(", ");
  const read = columns.map((column) => `value->>'${column}'`).join(", ");
  const insert = DB.prepare(`INSERT INTO "${name}" (${list}) SELECT ${read} FROM json_each(?)`);
  let part: string[] = [];
  let length = 0;
  let count = 0;
  const flush = async () => {
    if (part.length > 0) await insert.bind(`[${part.join(",")}]`).run();
    count += part.length;
    part = [];
    length = 0;
  };
  for await (const line of linesOf(join("tables", `${name}.jsonl`))) {
    if (length + line.length > MAX_PARAMETER) await flush();
    part.push(line);
    length += line.length;
  }
  await flush();
  return count;
}

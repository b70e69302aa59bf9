/**
 * `npm run backup -- --to DIR [--local [--persist-to DIR]]`: copies the database and the bucket, but not the secrets: the copy together
 * with `ENCRYPTION_KEYS` reveals everything. The exit code is 1 when audited changes were made meanwhile, because the copy is then not
 * consistent.
 */
import { type WriteStream, createWriteStream, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { newestMigration } from "../src/db/newestMigration.ts";
import { type Storage, withStorage } from "./bindings.ts";
import { configuration, severalDatabases } from "./configuration.ts";
import { fail } from "./fail.ts";
import { objectFile } from "./objectFile.ts";
import { type TableShape, tables } from "./tables.ts";
import { readOptions } from "./options.ts";
import { root } from "./wrangler.ts";

const ROWS = 500;

const values = readOptions({ to: { type: "string" }, local: { type: "boolean", default: false }, "persist-to": { type: "string" } });
if (!values.to || existsSync(join(values.to, "backup.json"))) {
  console.error("--to is needed: a folder without a backup in it");
  process.exit(2);
}
const several = severalDatabases(configuration());
if (several) fail(several);
const to = resolve(values.to);
const local = values.local ? resolve(values["persist-to"] ?? join(root, ".wrangler/state")) : undefined;

const isWhole = await withStorage(local, async (storage) => {
  folder(to);
  folder(join(to, "tables"));
  const before = await changesOf(storage);
  const rows: Record<string, number> = {};
  for (const table of tables()) rows[table.name] = await copyTable(storage, table);
  const changes = (await changesOf(storage)) - before;
  // Rows first: an object is written before the row that names it, and never again.
  const objects = await copyObjects(storage);
  // Last, so that an interrupted copy is not accepted as complete.
  writeFileSync(
    join(to, "backup.json"),
    `${JSON.stringify({ time: new Date().toISOString(), newestMigration, rows, objects }, null, 2)}\n`,
    { mode: 0o600 },
  );
  const count = Object.values(rows).reduce((sum, n) => sum + n, 0);
  console.log(`${count} rows of ${Object.keys(rows).length} tables and ${objects} objects are in ${to}`);
  if (changes > 0) console.log(`${changes} changes were made meanwhile: make another copy when nobody uses the deployment`);
  return changes === 0;
});
process.exit(isWhole ? 0 : 1);

/** Creates a folder, and its parents, with access only for the owner, because the names in it may be confidential. */
function folder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Number of events that were ever recorded. */
async function changesOf({ DB }: Storage): Promise<number> {
  return (await DB.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'audit_outbox'").first<number>("seq")) ?? 0;
}

async function copyTable({ DB }: Storage, { name, columns }: TableShape): Promise<number> {
  const file = createWriteStream(join(to, "tables", `${name}.jsonl`), { mode: 0o600 });
  const list = columns.map((column) => `"${column}"`).join(", ");
  const page = DB.prepare(`SELECT rowid AS "rowid of it", ${list} FROM "${name}" WHERE rowid > ? ORDER BY rowid LIMIT ${ROWS}`);
  let count = 0;
  for (let last = -1; ;) {
    const { results } = await page.bind(last).all<Record<string, unknown>>();
    for (const { "rowid of it": rowid, ...row } of results) {
      if (!file.write(`${JSON.stringify(row)}\n`)) await new Promise<void>((drained) => file.once("drain", () => drained()));
      last = Number(rowid);
    }
    count += results.length;
    if (results.length < ROWS) break;
  }
  await closed(file);
  return count;
}

async function copyObjects({ STATE }: Storage): Promise<number> {
  const list = createWriteStream(join(to, "objects.jsonl"), { mode: 0o600 });
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await STATE.list({ include: ["httpMetadata", "customMetadata"], limit: 500, ...(cursor && { cursor }) });
    for (const { key, size, httpMetadata, customMetadata } of page.objects) {
      const object = await STATE.get(key);
      if (!object) continue;
      const file = join(to, objectFile(key));
      folder(dirname(file));
      await pipeline(Readable.fromWeb(object.body as unknown as ReadableStream), createWriteStream(file, { mode: 0o600 }));
      list.write(`${JSON.stringify({ key, size, httpMetadata, customMetadata })}\n`);
      count++;
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  await closed(list);
  return count;
}

function closed(file: WriteStream): Promise<void> {
  return new Promise((done) => file.end(() => done()));
}

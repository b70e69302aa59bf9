import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { describe, expect, inject, it } from "vitest";
import { newSecret, notedSecrets } from "./support/secrets.ts";

/** Files that contain secrets by design: the credentials of a developer's server, and its keys. */
const OWN_FILES = ["stackpass-dev.json", "secrets.env"];
/** Any access token, and any lease: a signed pair of names, whose JSON begins with `["`. */
const CREDENTIAL = /pul-[0-9a-f]{40}|WyJ[\w-]{20,}\.[\w-]{43}/;
/** The welcome of a development server shows the tokens that it made. */
const WELCOME = /who +is +personal access token[^]*?stackpass-dev\.json/g;

const servers = () => readdirSync(inject("directory")).filter((name) => name.endsWith("-server"));
const filesOf = (server: string) =>
  readdirSync(join(inject("directory"), server), { recursive: true, encoding: "utf8" })
    .map((name) => join(inject("directory"), server, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() && !OWN_FILES.includes(basename(path)));

/**
 * The servers still run, so a file may disappear: SQLite deletes the log of a closed database, and the cron deletes objects that no row
 * names. Such a file counts as empty.
 */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

describe("after the whole run no token, lease or plaintext secret is left", () => {
  it("in the servers' logs", () => {
    const logOf = (server: string) => join(inject("directory"), server, "server.log");
    // The output contains the Worker's own lines, because most tests call this server.
    expect(readFileSync(logOf("shared-server"), "utf8")).toContain('"route":"/api/');
    for (const path of servers().map(logOf)) {
      const text = readFileSync(path, "utf8");
      expectClean(path, Buffer.from(text.replaceAll(WELCOME, "")));
    }
  });

  it("in any file that a server keeps: databases with their write-ahead logs, objects, caches", () => {
    let objects = 0;
    for (const path of servers().flatMap(filesOf)) {
      if (basename(path) === "server.log") continue;
      if (path.includes("/r2/")) objects++;
      expectClean(path, contentOf(path));
    }
    expect(objects).toBeGreaterThan(10);
  });

  it("in any column of any table, where a long value is not one piece of the file", () => {
    let cells = 0;
    for (const path of servers()
      .flatMap(filesOf)
      .filter((name) => name.endsWith(".sqlite"))) {
      const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
      for (const { name } of tables) {
        const rows = database.prepare(`SELECT * FROM "${name}"`);
        rows.setReadBigInts(true);
        for (const row of rows.iterate()) {
          for (const value of Object.values(row)) {
            if (typeof value !== "string" && !(value instanceof Uint8Array)) continue;
            cells++;
            expectClean(`${path}, table ${name}`, Buffer.from(value as string));
          }
        }
      }
      database.close();
    }
    expect(cells).toBeGreaterThan(1000);
  });

  it("and the search finds a value that was planted", () => {
    const secret = newSecret();
    for (const text of [secret, Buffer.from(`a${secret}`).toString("base64"), `pul-${"0123456789".repeat(4)}`]) {
      expect(() => expectClean("a file", Buffer.from(`xx${text}yy`)), text).toThrow("a file");
    }
  });
});

/** Searches the bytes as they are, inflated, and as base64 at every offset. */
function expectClean(what: string, bytes: Buffer): void {
  const texts = [bytes.toString("latin1")];
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) texts.push(gunzipSync(bytes).toString("latin1"));
  for (const text of texts) {
    const credential = CREDENTIAL.exec(text)?.[0];
    if (credential) throw new Error(`${what} holds ${credential}`);
    for (const { value, spellings } of wanted()) {
      if (spellings.some((spelling) => text.includes(spelling))) throw new Error(`${what} holds ${value}`);
    }
  }
}

let known: { value: string; spellings: string[] }[] = [];
function wanted() {
  const secrets = notedSecrets();
  if (known.length !== secrets.length) {
    known = secrets.map((value) => ({ value, spellings: [value, ...[0, 1, 2].map((offset) => inBase64(value, offset))] }));
  }
  return known;
}

/** The characters of its base64 that do not depend on the neighbours. */
function inBase64(value: string, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString("base64");
  return text.slice(offset === 0 ? 0 : offset + 1, -4);
}

/**
 * `npm run trace < log`: copies its input, and replaces each position in the deployed bundle (`index.js:12:3456`) by the position in our
 * source files. It bundles this checkout again, which must be of the deployed commit.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { SourceMap } from "node:module";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { bundle } from "./built.ts";
import { root } from "./wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "stackpass-trace-"));
bundle(folder);
const map = new SourceMap(JSON.parse(readFileSync(join(folder, "index.js.map"), "utf8")) as SourceMap["payload"]);
rmSync(folder, { recursive: true });

const positions = /[\w./:-]*index\.js:(\d+):(\d+)/g;
const log = await text(process.stdin);
process.stdout.write(
  log.replaceAll(positions, (position, line: string, column: string) => {
    const origin = map.findOrigin(Number(line), Number(column));
    return "fileName" in origin
      ? `${relative(root, resolve(folder, origin.fileName))}:${origin.lineNumber}:${origin.columnNumber}`
      : position;
  }),
);

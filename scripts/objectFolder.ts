import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type ObjectFile, objectName } from "./objectLines.ts";

/** The objects of audit streams in a folder: a copy of a bucket, or of a part of it. */
export function folderOf(folder: string): { objects: ObjectFile[]; checkpoints: string[]; logs: string[] } {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  const objects = paths.filter((path) => objectName.test(path));
  return {
    objects: objects.map((path) => ({ path, text: async () => inflate(path) })),
    checkpoints: paths.filter((path) => /[/\\]checkpoints[/\\]\d{4}-\d\d-\d\d\.json$/.test(path)),
    // ORG/YYYY/MM/DD/HH/FIRST-LAST-HASH.jsonl.gz
    logs: [...new Set(objects.map((path) => dirname(dirname(dirname(dirname(dirname(path)))))))],
  };
}

/** A damaged object has a line that is no record. */
function inflate(path: string): string {
  try {
    return gunzipSync(readFileSync(path)).toString("utf8");
  } catch {
    return `${path} is damaged\n`;
  }
}

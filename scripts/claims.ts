/** What docs/security.md points to must be there: files, and tests by their names. Else the claims rot. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./wrangler.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Claims are written `file › name of the test`; files in code spans. @returns what is not there */
export function claimFaults(page = "docs/security.md"): string[] {
  const text = read(page);
  const tests = [...text.matchAll(/`(test\/[^`›]+?) › ([^`]+)`/g)].map(([, file, name]) => ({ file: file!, name: name! }));
  const files = [...text.matchAll(/`((?:src|test|scripts|docs|public)\/[\w./-]+\.\w+)`/g)].map(([, file]) => file!);
  if (tests.length === 0) return [`${page} claims nothing`];
  return [
    ...files.filter((file) => !existsSync(join(root, file))).map((file) => `${file} is not there`),
    ...tests.filter(({ file, name }) => !hasTest(file, name)).map(({ file, name }) => `${file} has no test "${name}"`),
  ];
}

/** A title stands in quotes before the test's body. */
function hasTest(file: string, name: string): boolean {
  if (!existsSync(join(root, file))) return false;
  const source = read(file);
  return ['"', "`", "'"].some(
    (quote) =>
      source.includes(`${quote}${quote === '"' ? name.replaceAll('"', '\\"') : name}${quote},`) ||
      source.includes(`${quote}${name}${quote})(`),
  );
}

/** Finds broken citations: comments and documents cite docs/reference, so every cited section, fact or trap must exist. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Pages, citationFaults, numbersOf } from "./citations.ts";
import { root } from "./wrangler.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");

/** @returns citations that do not resolve, as messages */
export function referenceFaults(): string[] {
  const files = globSync("docs/reference/*.md", { cwd: root }).filter((file) => basename(file) !== "README.md");
  const pages: Pages = new Map(files.map((file) => [basename(file, ".md"), numbersOf(read(file))]));
  const citing = globSync(["{src,test,scripts,bench}/**/*.{ts,tsx,sql,toml}", "docs/**/*.md", "*.{md,toml,ts}"], { cwd: root });
  return citing
    .filter((file) => !own.has(file))
    .flatMap((file) => citationFaults(file, read(file), pages, files.includes(file) ? basename(file, ".md") : undefined));
}

/** The examples in these files are not citations. */
const own = new Set(["scripts/citations.ts", "test/scripts/citations.test.ts"]);

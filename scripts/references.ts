/** Comments and documents give docs/reference as the reason for a line, so every citation of a section, fact or trap must resolve. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Pages, citationFaults, numbersOf } from "./citations.ts";
import { root } from "./wrangler.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");

/** @returns citations that do not resolve, in words */
export function referenceFaults(): string[] {
  const files = globSync("docs/reference/*.md", { cwd: root }).filter((file) => basename(file) !== "README.md");
  const pages: Pages = new Map(files.map((file) => [basename(file, ".md"), numbersOf(read(file))]));
  const citing = globSync(["{src,test,scripts,bench}/**/*.{ts,tsx,sql,toml}", "docs/**/*.md", "*.{md,toml,ts}"], { cwd: root });
  return citing
    .filter((file) => !own.has(file))
    .flatMap((file) => citationFaults(file, read(file), pages, files.includes(file) ? basename(file, ".md") : undefined));
}

/** Their examples are no citations. */
const own = new Set(["scripts/citations.ts", "test/scripts/citations.test.ts"]);

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const read = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8");
const lines = (code: string) => code.split("\n").map((line) => line.replace(/\s*\/\/\s+\d$/, "").trim());

/** The part of docs/develop.md that explains an operation line by line. */
const anatomy = /^## Anatomy of an operation\n([^]*?)^## /m.exec(read("docs/develop.md"))![1]!;
const blocks = [...anatomy.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, code]) => lines(code!).join("\n"));

it.each([
  [0, "src/stacks/tagRoutes.ts"],
  [1, "src/stacks/tags.ts"],
])("the operation that docs/develop.md explains is the one in the code: block %i is in %s", (block, file) => {
  expect(blocks).toHaveLength(2);
  expect(lines(read(file)).join("\n")).toContain(blocks[block]);
});

/** The half of docs/compatibility.md that lists the supported operations of the public contract, and the reasons for the others. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { routes } from "../src/app/routes.ts";
import { NO_CONTRACT, contractFile } from "./contract.ts";
import { absentFeature } from "../src/stubs/absent.ts";
import { wrapped } from "./wrap.ts";

const page = join(import.meta.dirname, "../docs/compatibility.md");
const BEGIN = "<!-- operations: made by `npm run openapi` -->\n";
const END = "<!-- end of operations -->\n";

interface Operation {
  id: string;
  path: string;
  tags: string[];
}

const TO_COME = "To come";

/** @param check only reports whether the page is stale */
export function writeOperations(check: boolean): void {
  const contract = contractFile();
  if (contract === undefined) {
    console.log(`docs/compatibility.md was not checked: ${NO_CONTRACT}`);
    return;
  }
  const before = existsSync(page) ? readFileSync(page, "utf8") : "# Compatibility\n";
  const after = wrapped(withSection(before, section(readContract(contract))));
  if (!check) writeFileSync(page, after);
  else if (after !== before) {
    console.error("docs/compatibility.md is stale: npm run openapi");
    process.exit(1);
  }
}

function withSection(text: string, made: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < 0) return `${text.trimEnd()}\n\n${BEGIN}${made}${END}`;
  return text.slice(0, begin) + BEGIN + made + text.slice(end);
}

function readContract(contract: string): Operation[] {
  const { paths } = JSON.parse(readFileSync(contract, "utf8")) as {
    paths: Record<string, Record<string, { operationId?: string; tags?: string[] }>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).flatMap(({ operationId, tags = [] }) => (operationId ? [{ id: operationId, path, tags }] : [])),
  );
}

function section(operations: Operation[]): string {
  const ours = new Set<string>(routes.map(({ definition }) => definition.operationId));
  const tags = [...new Set(operations.flatMap((operation) => operation.tags))].sort();
  const of = (tag: string) => operations.filter((operation) => operation.tags.includes(tag));
  const touched = tags.filter((tag) => of(tag).some(({ id }) => ours.has(id)));
  const concerned = operations.filter((operation) => operation.tags.some((tag) => touched.includes(tag)));
  const missing = Map.groupBy(
    concerned.filter(({ id }) => !ours.has(id)),
    ({ path }) => absentFeature(path) ?? TO_COME,
  );
  const extensions = routes.filter(({ definition }) => definition.extension);
  return `## Operations of the public API

The test suite checks our answers against the public document. This table lists the supported operations of each tag that has any:

| Tag | Supported | Operations |
| --- | --- | --- |
${touched.map((tag) => `| ${tag} | ${of(tag).filter(({ id }) => ours.has(id)).length} of ${of(tag).length} | ${names(of(tag).filter(({ id }) => ours.has(id)))} |`).join("\n")}

These operations of the same tags are not supported:

| Why | Operations |
| --- | --- |
${[...missing].map(([why, those]) => `| ${why} | ${names(those)} |`).join("\n")}

No operation of these tags is supported: ${tags.filter((tag) => !touched.includes(tag)).join(", ")}. The answer to an unsupported operation is a 404 in JSON, and its message is the sentence of the table above.

These operations are not in the public document, and are marked \`x-stackpass-extension\`: ${extensions.map(({ definition }) => `\`${definition.operationId}\``).join(", ") || "none"}.
`;
}

/** Operations that exist for each kind of update are listed once. */
function names(operations: Operation[]): string {
  const kinds = /(_|For)(update|preview|refresh|destroy)$/i;
  const folded = operations.map(({ id }) => (kinds.test(id) ? id.replace(kinds, "$1*") : id));
  return [...new Set(folded)].map((name) => `\`${name}\``).join(" ");
}

/** `npm run check`: format, lint, types, layers, generated files, licences, secrets, claims, citations. It reports which of them failed. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { claimFaults } from "./claims.ts";
import { importFaults, pageFault } from "./layers.ts";
import { insertFaults } from "./inserts.ts";
import { linkFaults } from "./links.ts";
import { SAML_METAFILE, licenceFaults } from "./licences.ts";
import { referenceFaults } from "./references.ts";
import { typeFaults } from "./mutantTypes.ts";
import { bundleSaml } from "./samlBundle.ts";
import { type Metafile, startFault } from "./start.ts";
import { secretsInFiles, unseen } from "./audit-secrets.ts";
import { env, root } from "./wrangler.ts";
import { wrapFaults } from "./wrap.ts";
import { mutants } from "../test/claims/mutants.ts";

/** `import { z }` keeps 370 KB of locales in the bundle, `import * as z` does not; "zod" is 15 KiB larger than "zod/mini", gzipped. */
async function zodFaults(): Promise<string[]> {
  const faults: string[] = [];
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root })) {
    if (/^import (?!(type )?\* as z from "zod\/mini").* from "zod[^.]*"/m.test(readFileSync(join(root, file), "utf8")))
      faults.push(`${file}: import * as z from "zod/mini", and write z.optional(z.string()) for z.string().optional()`);
  }
  return faults;
}

/** Only one guarded module of the Worker calls addresses outside of the bindings, so that no input can make the Worker call an address. */
async function outboundFaults(): Promise<string[]> {
  const faults: string[] = [];
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root })) {
    if (file === "src/http/outgoing.ts") continue;
    if (/(?<![.\w])(?<!async )(?:fetch|connect)\(|new (?:WebSocket|EventSource)\(/.test(readFileSync(join(root, file), "utf8")))
      faults.push(`${file} calls an address outside of the bindings`);
  }
  return faults;
}

/** Hono finds no parameters, because each part of the Worker has a router of its own (src/http/handlers.ts). */
async function parameterFaults(): Promise<string[]> {
  const faults: string[] = [];
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root }))
    if (/\breq\.param\(/.test(readFileSync(join(root, file), "utf8"))) faults.push(`${file}: write c.get("params") for c.req.param()`);
  return faults;
}

/**
 * Only `src/db` names the bindings of databases. So every store is of one place, and work that concerns all organizations asks for every place
 * (docs/scale.md).
 */
async function databaseFaults(): Promise<string[]> {
  const faults: string[] = [];
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root })) {
    if (/^src\/db\/|\.d\.ts$/.test(file)) continue;
    if (/\bDB(?:_\d+)?\b/.test(readFileSync(join(root, file), "utf8")))
      faults.push(`${file} names a database: use openStore, atPlace or everyPlace`);
  }
  return faults;
}

/**
 * In a select from one table, Drizzle writes the columns of a field without the name of their table. A sub-select in such a field then
 * compares a column of its own table with itself, without an error. So its columns must be written as text, with their tables.
 */
async function subselectFaults(): Promise<string[]> {
  const sources = new Map<string, string>();
  for await (const file of glob("src/**/*.{ts,tsx}", { cwd: root })) sources.set(file, readFileSync(join(root, file), "utf8"));
  const tables = new Set(
    [...sources.values()].flatMap((text) => [...text.matchAll(/export const (\w+) = sqliteTable/g)].map(([, name]) => name!)),
  );
  return [...sources].flatMap(([file, text]) =>
    [...text.matchAll(/sql(?:<[^>]*>)?`([^`]*)`\s*\.as\(/g)]
      .filter(([, field]) => field!.includes("SELECT"))
      .flatMap(([, field]) => [...field!.matchAll(/\$\{(\w+)\.\w+\}/g)].filter(([, table]) => tables.has(table!)))
      .map(([column]) => `${file}: write ${column} as text with its table, in a sub-select that is a field`),
  );
}

const npx = (...args: string[]) => {
  const [bin, ...rest] = args as [string, ...string[]];
  return spawnSync(join(root, "node_modules/.bin", bin), rest, { cwd: root, encoding: "utf8", env });
};

const checks: { name: string; run: () => Promise<string | undefined> }[] = [
  { name: "format", run: command("oxfmt", "--check") },
  { name: "lint", run: command("oxlint", "--type-aware") },
  ...[
    "tsconfig.json",
    "test/tsconfig.json",
    "test/cli/tsconfig.json",
    "test/socket/tsconfig.json",
    "test/scripts/tsconfig.json",
    "test/console/browser/tsconfig.json",
    "scripts/tsconfig.json",
    "saml/tsconfig.json",
  ].map((project) => ({
    name: `types of ${project}`,
    run: command("tsc", "-p", project),
  })),
  { name: "imports go down the layers", run: async () => (await importFaults()).join("\n") || undefined },
  { name: "docs/develop.md lists the layers", run: async () => pageFault() },
  { name: "one module calls other servers", run: async () => (await outboundFaults()).join("\n") || undefined },
  { name: "only src/db names a database", run: async () => (await databaseFaults()).join("\n") || undefined },
  { name: "parameters of paths come from the part's router", run: async () => (await parameterFaults()).join("\n") || undefined },
  { name: "inserts have a value for each column", run: async () => (await insertFaults()).join("\n") || undefined },
  { name: "sub-selects name their tables", run: async () => (await subselectFaults()).join("\n") || undefined },
  { name: "zod is the small one", run: async () => (await zodFaults()).join("\n") || undefined },
  { name: "every input has a bound", run: command("node", "scripts/bounds.ts") },
  { name: "binding types are fresh", run: command("wrangler", "types", "--check", "--include-runtime=false", "src/bindings.d.ts") },
  { name: "OpenAPI document is fresh", run: command("node", "scripts/openapi.ts", "--check") },
  { name: "migrations match the tables", run: migrationsFresh },
  { name: "the Worker bundles, is small, and starts as fast as before", run: bundles },
  { name: "the second Worker bundles, and is small", run: async () => samlBundles() },
  { name: "licences are on the list", run: async () => licenceFaults().join("\n") || undefined },
  { name: "no secret is in a file", run: async () => [...(await unseen()), ...secretsInFiles()].join("\n") || undefined },
  { name: "documents are wrapped at 120 columns", run: async () => wrapFaults().join("\n") || undefined },
  { name: "links between documents resolve", run: async () => linkFaults().join("\n") || undefined },
  { name: "claims of docs/security.md have tests and mutants", run: async () => claimFaults().join("\n") || undefined },
  { name: "mutants compile", run: async () => typeFaults(mutants) },
  { name: "citations of docs/reference resolve", run: async () => referenceFaults().join("\n") || undefined },
];

function command(...args: string[]) {
  return async () => {
    const result = npx(...args);
    return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`;
  };
}

async function migrationsFresh(): Promise<string | undefined> {
  const { stdout, stderr } = npx("drizzle-kit", "generate", "--name", "unexpected");
  const output = `${stdout}${stderr}`;
  return output.includes("No schema changes") ? undefined : `${output}\nthe tables changed without a migration, so one was generated`;
}

/**
 * Limits the size of the bundle. `npm run bench:bundle` lists its contents, and measures the start, whose cost `startFault` limits.
 * Cloudflare's own limit is 3 MiB on the free plan. A fifth of it leaves room for features, and still refuses a large library that is
 * loaded by mistake. The documentation of operations is looked for by name below.
 */
const MOST_KIB = 600;

async function bundles(): Promise<string | undefined> {
  const { status, stdout, stderr } = npx("wrangler", "deploy", "--dry-run", "--outdir", "dist", "--metafile", "dist/meta.json");
  if (status !== 0) return `${stdout}${stderr}`;
  const meta = JSON.parse(readFileSync(join(root, "dist/meta.json"), "utf8")) as Metafile;
  const { inputs } = meta;
  const told = Object.keys(inputs).filter((file) => /^src\/\w+\/openapi\.ts$/.test(file));
  const saml = Object.keys(inputs).filter((file) => /^saml\/|node_modules\/(@node-saml|xml-crypto|@xmldom)\//.test(file));
  if (saml.length > 0) return `${saml.join(", ")} in the Worker's bundle: only the second Worker may have it`;
  if (told.length > 0) return `${told.join(", ")} in the Worker's bundle: import only its types`;
  const size = Number(/gzip: ([\d.]+) KiB/.exec(stdout)?.[1]);
  if (size > MOST_KIB) return `${size} KiB gzipped, more than the limit of ${MOST_KIB}: see npm run bench:bundle`;
  return startFault(meta, join(root, "dist"));
}

/** The library for SAML with one copy of each of its parsers (identity-facts §2). */
const MOST_SAML_KIB = 120;

function samlBundles(): string | undefined {
  const { gzip, metafile } = bundleSaml();
  writeFileSync(SAML_METAFILE, metafile);
  return gzip <= MOST_SAML_KIB ? undefined : `${gzip} KiB gzipped, more than the limit of ${MOST_SAML_KIB}: see package.json, "overrides"`;
}

let failed = 0;
for (const check of checks) {
  const problem = await check.run();
  console.log(`${problem ? "FAIL" : "ok  "}  ${check.name}`);
  if (problem) {
    console.log(problem.trimEnd());
    failed++;
  }
}
if (failed > 0) {
  console.error(`\n${failed} of ${checks.length} checks failed`);
  process.exit(1);
}

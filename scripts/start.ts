/**
 * What the start of the Worker costs, by its bundle. A time depends on the machine and on other work, so `npm run check` compares figures that are
 * the same each time. `npm run bench:bundle` measures the time.
 */
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The part of esbuild's metafile that is read here. */
export interface Metafile {
  inputs: Record<string, { imports: { path: string; kind: string; external?: boolean }[] }>;
  outputs: Record<string, { entryPoint?: string; inputs: Record<string, { bytesInOutput: number }> }>;
}

/** The bytes of each module in the bundle. */
export function bytesOfModules({ outputs }: Metafile): Map<string, number> {
  const bundle = Object.values(outputs).find(({ entryPoint }) => entryPoint);
  return new Map(Object.entries(bundle?.inputs ?? {}).map(([path, { bytesInOutput }]) => [path, bytesInOutput]));
}

/** The modules that are evaluated at the start: what the entry imports, but not by `import()`. */
export function evaluatedAtStart({ inputs, outputs }: Metafile): Set<string> {
  const entry = Object.values(outputs).find(({ entryPoint }) => entryPoint)?.entryPoint;
  const seen = new Set<string>();
  const open = entry === undefined ? [] : [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const imported of inputs[path]?.imports ?? [])
      if (imported.kind !== "dynamic-import" && !imported.external && imported.path in inputs) open.push(imported.path);
  }
  return seen;
}

/** What must not be evaluated at the start: parts of the Worker that most requests do not use, and zod, whose schemas are slow to make. */
const LATER =
  /^src\/((console|sso)\/|app\/(api|console|cron|routes|stacks)\.ts|scim\/serve\.ts)|node_modules\/(aws4fetch|jose|oauth4webapi|zod)\//;

/** A KiB that is evaluated counts as much as three that are only parsed, because it also makes objects (docs/performance.md, "The start"). */
const EVALUATION = 3;
/** The figure of the last release whose start was measured. A change of more than a tenth has to be measured again. */
const MEASURED = 2320;
const TOLERANCE = 0.1;

export interface Start {
  /** KiB of the whole bundle, which is parsed at the start. */
  parsed: number;
  /** KiB of the modules that are evaluated at the start. */
  evaluated: number;
  /** The cost in KiB that are parsed. */
  cost: number;
}

export function startOf(meta: Metafile): Start {
  const bytes = bytesOfModules(meta);
  const sum = (paths: Iterable<string>) => [...paths].reduce((all, path) => all + (bytes.get(path) ?? 0), 0) / 1024;
  const [parsed, evaluated] = [sum(bytes.keys()), sum(evaluatedAtStart(meta))];
  return { parsed, evaluated, cost: parsed + EVALUATION * evaluated };
}

/**
 * Evaluates a bundle in Node, and finds the errors that it constructs. Each costs time at the start, because V8 parses the script again for the
 * stack trace. @returns the messages of these errors
 */
function errorsMadeBy(bundle: string): string {
  const module = `${bundle}.start.mjs`;
  cpSync(bundle, module);
  try {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", EVALUATE, module], { encoding: "utf8" });
    return stdout + stderr;
  } finally {
    rmSync(module);
  }
}

const EVALUATE = `
  import { registerHooks } from "node:module";
  import { pathToFileURL } from "node:url";
  const platform = "data:text/javascript,export class DurableObject {} export class WorkerEntrypoint {} export const env = {};";
  registerHooks({
    resolve: (name, context, next) => (name.startsWith("cloudflare:") ? { url: platform, shortCircuit: true } : next(name, context)),
  });
  globalThis.Error = new Proxy(Error, {
    construct(target, values, made) {
      console.log("an error is made at the start: " + values[0]);
      return Reflect.construct(target, values, made);
    },
  });
  await import(pathToFileURL(process.argv[1]).href);
`;

/** @param folder the bundle, with `index.js` */
export function startFault(meta: Metafile, folder: string): string | undefined {
  const early = [...evaluatedAtStart(meta)].filter((path) => LATER.test(path));
  if (early.length > 0) return `${early.join(", ")}: evaluated at the start, load it with import() where it is used (src/app/parts.ts)`;
  const errors = errorsMadeBy(join(folder, "index.js"));
  if (errors !== "") return errors;
  const { parsed, evaluated, cost } = startOf(meta);
  if (Math.abs(cost - MEASURED) <= MEASURED * TOLERANCE) return undefined;
  const figures = `${cost.toFixed(0)}, from ${parsed.toFixed(0)} KiB that are parsed and ${evaluated.toFixed(0)} KiB that are evaluated`;
  return `the start costs ${figures}; ${MEASURED} was measured. Measure it with npm run bench:bundle, then change MEASURED in scripts/start.ts`;
}

/**
 * Runs the production bundle in workerd, without the development proxy; it starts in a second. The bindings are the same local ones as in
 * `wrangler dev`, on disk.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { Miniflare, type V4MiniflareOptions, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";
import { secretsFile } from "./prepare.ts";
import { mustWrangle, root } from "./wrangler.ts";

/**
 * Bundles the Worker into a folder.
 * @param entry a file to bundle instead of the Worker; its name must be `index.ts`, too
 * @param named keeps the names of functions, by not making the code smaller
 */
export const bundle = (folder: string, entry?: string, named = false): void =>
  void mustWrangle(["deploy", ...(entry ? [entry] : []), ...(named ? ["--no-minify"] : []), "--dry-run", "--outdir", folder]);

export interface Built {
  url: string;
  /** Runs the cron, which a local server does not run by itself. @param at the time that is passed to the cron */
  cron: (at: Date) => Promise<void>;
  /** Address of V8's inspector, if it was requested. */
  inspector: string | undefined;
  stop: () => Promise<void>;
}

/**
 * Starts a bundle.
 * @param directory a folder that `prepare` has prepared; all data is stored there
 * @param port 0 for any free port
 * @param vars replace those of `wrangler.toml`; a variable with the name of a rate limit sets that limit, or `off`
 * @param front source of a module that is started instead; it can import the bundle as `./index.js`
 * @param said receives each line that the Worker logs; by default they go to standard output
 * @param inspected opens V8's inspector, at any free port
 */
export async function startBuilt(
  bundled: string,
  directory: string,
  port = 0,
  vars: Record<string, string> = {},
  front?: string,
  said?: (line: string) => void,
  inspected = false,
): Promise<Built> {
  // Wrangler reads the declared secrets from here.
  Object.assign(process.env, parseEnv(readFileSync(secretsFile(directory), "utf8")));
  const { workerOptions } = workerOptionsOf(join(root, "wrangler.toml"));
  const { assets: _, ratelimits, ...options } = workerOptions as typeof workerOptions & { assets?: unknown; bindings?: object };
  const limits = Object.entries((ratelimits ?? {}) as Record<string, { simple: { limit: number; period: number } }>);
  const limited = limits
    .filter(([name]) => vars[name] !== "off")
    .map(([name, one]) => [name, { ...one, simple: { ...one.simple, ...(vars[name] && { limit: Number(vars[name]) }) } }]);
  const others = Object.entries(vars).filter(([name]) => !limits.some(([limit]) => limit === name));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      resourcePersistencePath: join(directory, "v3"),
      ...(inspected && { inspectorPort: 0 }),
      ...(said && { handleStructuredLogs: ({ message }: { message: string }) => said(message) }),
      workers: [
        {
          ...options,
          ratelimits: Object.fromEntries(limited),
          // Block calls to the network, unless a test or a measurement requests them.
          bindings: { ...options.bindings, REGISTRY_UPSTREAM: "", LOCAL_DEVELOPMENT: "true", ...Object.fromEntries(others) },
          name: "stackpass",
          modules: [
            ...(front === undefined ? [] : [{ type: "ESModule", path: join(bundled, "front.js"), contents: front }]),
            { type: "ESModule", path: join(bundled, "index.js") },
          ],
          modulesRoot: bundled,
          serviceBindings: { ASSETS: () => new Response("not here", { status: 404 }) },
          unsafeDirectSockets: [{ host: "127.0.0.1", port }],
        },
      ],
    } as unknown as V4MiniflareOptions),
  );
  await miniflare.ready;
  const url = String(await miniflare.unsafeGetDirectURL("stackpass")).replace(/\/$/, "");
  const cron = async (scheduledTime: Date) => {
    const worker = await miniflare.getWorker("stackpass");
    await worker.scheduled({ scheduledTime, cron: "* * * * *" });
  };
  const inspector = inspected ? `http://${(await miniflare.getInspectorURL()).host}` : undefined;
  return { url, cron, inspector, stop: () => miniflare.dispose() };
}

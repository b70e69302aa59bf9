import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_startWorker as startWorker } from "wrangler";
import { SAML_CONFIG, configuration } from "../configuration.ts";
import { root } from "../wrangler.ts";
import { callersOf } from "./callers.ts";
import { readable } from "./logLine.ts";

export interface ServerOptions {
  port: number;
  directory: string;
  secretsFile: string;
  /** Replace variables of `wrangler.toml`. */
  vars: Record<string, string>;
  verbose: boolean;
  /** Whether the second Worker, for SAML, is started and bound. */
  saml: boolean;
  inspectorPort: string | undefined;
}

export interface Server {
  stop: () => Promise<void>;
}

/** Starts the Worker from its sources, and restarts it at every change of a source. @returns when it answers */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, directory, verbose, inspectorPort } = options;
  let isReady = false;
  const second = options.saml ? await startSaml(directory) : undefined;
  // Lines keep their order, although the name of a caller must be looked up.
  let printed = Promise.resolve();
  const worker = await startWorker({
    config: join(root, "wrangler.toml"),
    envFiles: [options.secretsFile],
    bindings: {
      ...Object.fromEntries(
        Object.entries({ LOCAL_DEVELOPMENT: "true", ...options.vars }).map(([name, value]) => [
          name,
          { type: "plain_text" as const, value },
        ]),
      ),
      ...(options.saml && { SAML: { type: "service" as const, service: configuration(SAML_CONFIG).name } }),
    },
    dev: {
      server: { hostname: "localhost", port },
      persist: directory,
      ...(options.saml && { registry: registryIn(directory) }),
      watch: true,
      inspector: inspectorPort === undefined ? false : { port: Number(inspectorPort) },
      structuredLogsHandler: ({ message }: { message: string }) => print(message),
    },
  });
  const database = async () => (await worker.raw.runtimes[0]!.mf!.getD1Database("DB")) as unknown as D1Database;
  const callerOf = callersOf(database);
  function print(message: string): void {
    if (verbose) return console.log(message);
    if (!isReady) return;
    printed = printed.then(async () => {
      const line = await readable(message, callerOf);
      if (line !== undefined) console.log(line);
    });
  }
  await untilReady(`http://localhost:${port}`);
  isReady = true;
  const stopCron = runCronEachMinute(`http://localhost:${port}`);
  worker.raw.on("reloadComplete", () => console.log("The changed code is running."));
  return {
    stop: async () => {
      stopCron();
      // Wait for the lines of answered requests, but not if the server can no longer look up their callers.
      await Promise.race([printed, setTimeout(1000)]);
      // A terminal sends its signal to the runtime too. Wrangler may treat that as a crash and restart the runtime, and `dispose` then
      // never ends. So the process ends the remaining runtime.
      await Promise.race([Promise.all([worker.dispose(), second?.dispose()]), setTimeout(3000)]);
    },
  };
}

/** Wrangler's registry of local Workers, in which the first Worker finds the second one by its name. */
const registryIn = (directory: string) => join(directory, "registry");

/** Starts the second Worker from its sources. */
const startSaml = (directory: string) =>
  startWorker({
    config: join(root, SAML_CONFIG),
    dev: { server: { hostname: "localhost", port: 0 }, persist: directory, registry: registryIn(directory), watch: true, inspector: false },
  });

/**
 * A local server does not run the cron by itself, so this runs it. It also sends the audit events that were in the queue of a killed
 * server. @returns a function that stops it
 */
function runCronEachMinute(url: string): () => void {
  const run = () => void fetch(`${url}/cdn-cgi/handler/scheduled`).catch(() => undefined);
  run();
  const timer = setInterval(run, 60_000);
  return () => clearInterval(timer);
}

/** Wrangler reports a source that does not compile; this then waits until it is corrected. */
async function untilReady(url: string): Promise<void> {
  for (;;) {
    try {
      const health = await fetch(`${url}/healthz`);
      if (health.ok) return;
      console.error(`The server answers, but it is not ready: ${await health.text()}`);
      process.exit(1);
    } catch {
      await setTimeout(100);
    }
  }
}

import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_startWorker as startWorker } from "wrangler";
import { root } from "../wrangler.ts";
import { callersOf } from "./callers.ts";
import { readable } from "./logLine.ts";

export interface ServerOptions {
  port: number;
  directory: string;
  secretsFile: string;
  /** Take the place of variables in `wrangler.toml`. */
  vars: Record<string, string>;
  verbose: boolean;
  inspectorPort: string | undefined;
}

export interface Server {
  stop: () => Promise<void>;
}

/** Starts the Worker from its sources, and again at every change of one. @returns once it answers */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, directory, verbose, inspectorPort } = options;
  let isReady = false;
  // Lines keep their order, though a caller's name has to be looked up.
  let printed = Promise.resolve();
  const worker = await startWorker({
    config: join(root, "wrangler.toml"),
    envFiles: [options.secretsFile],
    bindings: Object.fromEntries(
      Object.entries({ LOCAL_DEVELOPMENT: "true", ...options.vars }).map(([name, value]) => [name, { type: "plain_text", value }]),
    ),
    dev: {
      server: { hostname: "localhost", port },
      persist: directory,
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
  worker.raw.on("reloadComplete", () => console.log("The code has changed, and runs."));
  return {
    stop: async () => {
      stopCron();
      // Lines of requests that were answered; a server that cannot name their callers any more is not waited for.
      await Promise.race([printed, setTimeout(1000)]);
      // A terminal sends its signal to the runtime too. Wrangler may take that end for a crash and start the runtime again, and `dispose` then never
      // ends. The process ends the runtime that is left.
      await Promise.race([worker.dispose(), setTimeout(3000)]);
    },
  };
}

/** Nothing else runs the cron of a local server. It also sends the audit events that the queue of a killed server held. @returns ends it */
function runCronEachMinute(url: string): () => void {
  const run = () => void fetch(`${url}/cdn-cgi/handler/scheduled`).catch(() => undefined);
  run();
  const timer = setInterval(run, 60_000);
  return () => clearInterval(timer);
}

/** A source that does not compile is reported by wrangler; this then waits until it is mended. */
async function untilReady(url: string): Promise<void> {
  for (;;) {
    try {
      const health = await fetch(`${url}/healthz`);
      if (health.ok) return;
      console.error(`The server answers, and is not ready: ${await health.text()}`);
      process.exit(1);
    } catch {
      await setTimeout(100);
    }
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, cpSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type DevCredentials, prepare } from "../../../scripts/prepare.ts";
import { freePort } from "./port.ts";

const root = join(import.meta.dirname, "../../..");

export interface ServerOptions {
  /** Everything the server writes goes below it. */
  directory: string;
  /** Other variables of the Worker. */
  vars?: Record<string, string>;
  /** A folder with the bundled Worker: it is run without wrangler's proxy, and is up again in a second. */
  bundle?: string;
  /** The data folder of another server, which this server begins with a copy of. */
  copyOf?: string;
}

/** A complete local server, as `npm run dev` starts it, in a process group of its own. */
export class Server {
  readonly url: string;
  readonly persistTo: string;
  readonly #port: number;
  readonly #options: ServerOptions;
  #process: ChildProcess | undefined;

  private constructor(port: number, options: ServerOptions) {
    this.#port = port;
    this.#options = options;
    this.url = `http://${options.bundle ? "127.0.0.1" : "localhost"}:${port}`;
    this.persistTo = join(options.directory, "persist");
  }

  static async start(options: ServerOptions): Promise<Server> {
    mkdirSync(options.directory, { recursive: true });
    for (let tries = 1; ; tries++) {
      const server = new Server(await freePort(), options);
      if (options.copyOf) cpSync(options.copyOf, server.persistTo, { recursive: true });
      else if (options.bundle) await prepare(server.persistTo, server.url);
      try {
        await server.#run();
        return server;
      } catch (error) {
        // The port was free until the server listened, so another process may have taken it.
        if (tries === 3 || !isPortTaken(error)) throw error;
      }
    }
  }

  get credentials(): DevCredentials {
    return JSON.parse(readFileSync(join(this.persistTo, "stackpass-dev.json"), "utf8")) as DevCredentials;
  }

  /** Starts it again on the same port and folder. A process that was killed may hold the port for a moment. */
  async run(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#run();
      } catch (error) {
        if (tries === 30 || !isPortTaken(error)) throw error;
        await wait(1000);
      }
    }
  }

  async #run(): Promise<void> {
    const { directory } = this.#options;
    const path = join(directory, "server.log");
    // The processes of the server write into the file themselves: nothing that they print waits in this process.
    const log = openSync(path, "a");
    const before = fstatSync(log).size;
    const child = spawn(process.execPath, this.#command(), {
      cwd: root,
      env: {
        ...process.env,
        // Wrangler would keep settings, logs and a list of running servers in the user's own folders.
        XDG_CONFIG_HOME: join(directory, "config"),
        WRANGLER_LOG_PATH: join(directory, "wrangler-logs"),
        WRANGLER_REGISTRY_PATH: join(directory, "registry"),
      },
      stdio: ["ignore", log, log, "ipc"],
      detached: true,
    });
    closeSync(log);
    this.#process = child;
    // This process ends the server even when the run is interrupted, because an interrupt does not reach another process group.
    const abandon = () => this.#signal("SIGKILL");
    process.once("exit", abandon);
    child.once("exit", () => {
      process.off("exit", abandon);
      // A workerd that is left over would occupy the port.
      this.#signal("SIGKILL");
    });
    for (;;) {
      // The last line of the welcome: whatever comes later is the server's own log.
      const printed = readFileSync(path).subarray(before).toString();
      if (printed.includes("Press Ctrl-C") || printed.includes("ready\n")) return;
      if (!isAlive(child)) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${printed}`);
      await wait(50);
    }
  }

  #command(): string[] {
    const { bundle } = this.#options;
    const vars = Object.entries({ REGISTRY_UPSTREAM: "", ...this.#options.vars });
    if (bundle) {
      const settings = vars.map(([name, value]) => `${name}=${value}`);
      return [join(root, "test/cli/support/serve.ts"), bundle, this.persistTo, String(this.#port), ...settings];
    }
    return [
      join(root, "scripts/dev.ts"),
      "--verbose",
      `--port=${this.#port}`,
      `--persist-to=${this.persistTo}`,
      ...vars.flatMap(([name, value]) => ["--var", `${name}:${value}`]),
    ];
  }

  /** Runs the cron of a server that was started from a bundle. @param at the moment that the cron takes for now */
  async cron(at: number): Promise<void> {
    const child = this.#process!;
    const done = new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", () => reject(new Error("the server ended")));
    });
    child.send(at);
    await done;
  }

  /** Kills the whole process group, with workerd, without a clean shutdown. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || !isAlive(child)) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    this.#signal(signal);
    await gone;
    this.#signal("SIGKILL");
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#process!.pid!, signal);
    } catch {
      // No process of the group is left.
    }
  }
}

const isPortTaken = (error: unknown) => /in use/i.test(String(error));

const isAlive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

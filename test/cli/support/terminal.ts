import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, inject } from "vitest";

const LAZY_SDK = join(import.meta.dirname, "lazySdk.cjs");

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface TerminalOptions {
  /** Folder of the Pulumi project. */
  project: string;
  /** Value for PULUMI_ACCESS_TOKEN. */
  token?: string | undefined;
  /** Another server than the shared one. */
  url?: string | undefined;
  env?: Record<string, string>;
}

/** A shell with its own login, home and project. It does not see the Pulumi settings of the machine. */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #home: string;

  constructor(options: TerminalOptions, home = mkdtempSync(join(inject("directory"), "home-"))) {
    this.#options = options;
    this.#home = home;
  }

  get project(): string {
    return this.#options.project;
  }

  /** The same shell with other settings. */
  with(changes: Partial<TerminalOptions>): Terminal {
    return new Terminal({ ...this.#options, ...changes }, this.#home);
  }

  start(...args: string[]): Running {
    const { project, token, url, env } = this.#options;
    const cli = inject("cli");
    const path = [dirname(cli), dirname(process.execPath), "/usr/bin", "/bin"];
    return new Running(
      spawn(cli, [...args, "--color=never", "--non-interactive"], {
        cwd: project,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: path.join(":"),
          HOME: this.#home,
          PULUMI_HOME: this.#home,
          PULUMI_SKIP_UPDATE_CHECK: "true",
          // Short-lived processes rarely need a garbage collection: this saves a tenth of the time.
          GOGC: "400",
          // The programs of a run load the same SDK hundreds of times, so Node caches the compiled code.
          NODE_COMPILE_CACHE: join(inject("directory"), "compiled"),
          NODE_OPTIONS: `--require ${JSON.stringify(LAZY_SDK)}`,
          PULUMI_BACKEND_URL: url ?? inject("url"),
          ...(token !== undefined && { PULUMI_ACCESS_TOKEN: token }),
          ...env,
        },
      }),
      `pulumi ${args.join(" ")}`,
    );
  }

  /** Runs a command to its end, whatever its result. */
  run(...args: string[]): Promise<Result> {
    return this.start(...args).ended;
  }

  /** Runs a command that must succeed. @returns what it printed */
  async pulumi(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    expect(code, `pulumi ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.pulumi(...args)) as T;
  }

  /** Runs a command that must fail. @returns everything it printed */
  async fails(...args: string[]): Promise<Result & { output: string }> {
    const result = await this.run(...args);
    const output = `${result.stdout}\n${result.stderr}`;
    expect(result.code, `pulumi ${args.join(" ")}\n${output}`).not.toBe(0);
    return { ...result, output };
  }
}

/** A command that is still running. */
export class Running {
  readonly ended: Promise<Result>;
  readonly #child: ChildProcess;
  readonly #what: string;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess, what: string) {
    this.#child = child;
    this.#what = what;
    child.stdout!.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr!.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    // A test that fails in the middle leaves no process behind.
    const abandon = () => this.#killFamily();
    process.once("exit", abandon);
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        process.off("exit", abandon);
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until the condition holds. It fails at once if the command ends before. */
  async until(what: string, holds: () => boolean, seconds = 300): Promise<void> {
    for (let i = 0; i < seconds * 20; i++) {
      if (holds()) return;
      if (this.#child.exitCode !== null) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`${this.#what}: ${what} did not happen\n${this.stdout}\n${this.stderr}`);
  }

  /** Kills the CLI with `kill -9`, and the language hosts and providers that it would leave behind. */
  async kill(): Promise<void> {
    this.#killFamily();
    await this.ended;
  }

  #killFamily(): void {
    const family = [this.#child.pid!, ...descendants(this.#child.pid!)];
    for (const pid of family) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // The process has already ended.
      }
    }
  }
}

/** Plugins run in their own process groups, so this follows the tree of processes. */
function descendants(pid: number): number[] {
  const pairs = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] => pairs.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

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

/** A shell of somebody: their login, their home, one project. Nothing of the machine's own Pulumi setup gets in. */
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

  /** The same person at the same place, with something else set. */
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
          // Short-lived processes need not collect their garbage often: a tenth less work.
          GOGC: "400",
          // Programs of a run load the same SDK hundreds of times: Node keeps what it compiled.
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

  /** Runs a command to its end, whatever it is. */
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
    // A test that fails half-way leaves nothing behind.
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

  /** Waits until something is so; fails early when the command ends before it. */
  async until(what: string, holds: () => boolean, seconds = 300): Promise<void> {
    for (let i = 0; i < seconds * 20; i++) {
      if (holds()) return;
      if (this.#child.exitCode !== null) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`${this.#what}: ${what} did not happen\n${this.stdout}\n${this.stderr}`);
  }

  /** `kill -9`, of the CLI and of the language hosts and providers that it would otherwise leave behind. */
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
        // It left by itself.
      }
    }
  }
}

/** Plugins run in process groups of their own, so the tree is walked. */
function descendants(pid: number): number[] {
  const pairs = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] => pairs.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

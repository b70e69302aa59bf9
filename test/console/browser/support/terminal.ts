import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/**
 * Whether a command can run in a terminal here. This needs `script` of util-linux; other systems have a program of the same name with other
 * options.
 */
export const hasTerminal = (): boolean => spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;

/** A command that runs as if a person sat at its terminal. */
export class InTerminal {
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  output = "";

  constructor(command: string, env: Record<string, string>) {
    const child = spawn("script", ["-qefc", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"], detached: true });
    this.#child = child;
    const abandon = () => this.kill();
    process.once("exit", abandon);
    child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
      // A terminal answers the question for the position of its cursor; without an answer the CLI waits for five seconds.
      if (chunk.includes("\u001b[6n")) this.type("\u001b[1;1R");
    });
    this.ended = new Promise((resolve) =>
      child.once("close", (code) => {
        process.off("exit", abandon);
        resolve(code);
      }),
    );
  }

  type(keys: string): void {
    if (this.#child.exitCode === null) this.#child.stdin!.write(keys);
  }

  kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // The process has already ended.
    }
  }
}

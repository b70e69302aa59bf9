/** The installed Pulumi CLI. */
import { spawn } from "node:child_process";
import { Fault } from "./place.ts";

export interface CliCall {
  cwd: string;
  env: NodeJS.Dict<string>;
  /** Goes to the command's standard input. */
  input?: Uint8Array;
}

/** Variables that must not reach the CLI: tokens that are not meant for it, and a stack that the user has selected. */
const OURS = ["MIGRATE_FROM_TOKEN", "MIGRATE_TO_TOKEN", "PULUMI_ACCESS_TOKEN", "PULUMI_STACK"];

/** Runs a command to its end. @returns what it printed */
export function runCli(args: string[], { cwd, env, input }: CliCall): Promise<{ code: number; stdout: Uint8Array; stderr: string }> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.includes(name)));
  return new Promise((resolve, reject) => {
    const child = spawn(process.env["PULUMI_CLI"] ?? "pulumi", ["--non-interactive", "--color=never", ...args], {
      cwd,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...inherited, PULUMI_SKIP_UPDATE_CHECK: "true", ...env } as unknown as NodeJS.ProcessEnv,
    });
    const printed: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (part: Buffer) => printed.push(part));
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    // A command that fails early does not read its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Fault("there is no pulumi in PATH. Install the Pulumi CLI, or set PULUMI_CLI to its path")
          : new Fault(`pulumi could not be started: ${error.message}`),
      ),
    );
    child.once("close", (code) => resolve({ code: code ?? 1, stdout: Buffer.concat(printed), stderr }));
  });
}

/** Runs a command that must succeed. */
export async function mustRunCli(args: string[], call: CliCall): Promise<Uint8Array> {
  const { code, stdout, stderr } = await runCli(args, call);
  if (code !== 0) throw new Fault(`pulumi ${args.slice(0, 2).join(" ")} failed: ${errorIn(stderr)}`);
  return stdout;
}

/** The CLI's error message without its warnings. */
export function errorIn(stderr: string): string {
  const start = stderr.search(/^error: /m);
  const text = (start < 0 ? stderr : stderr.slice(start + "error: ".length)).trim().replaceAll(/\s*\n\s*/g, " ");
  return text.slice(0, 500) || "it printed no reason";
}

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export const root = join(import.meta.dirname, "..");
const wranglerBin = join(root, "node_modules/wrangler/bin/wrangler.js");

/** Tools run under the Node of our own dependencies, whatever the machine has. */
export const env = {
  ...process.env,
  PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
};

/** Runs wrangler to its end. @returns its exit code and what it said */
export function wrangler(args: string[], show = false): { code: number; output: string } {
  const result = spawnSync(process.execPath, [wranglerBin, ...args], { cwd: root, env: { ...env, CI: "true" }, encoding: "utf8" });
  const output = `${result.stdout}${result.stderr}`;
  if (show) process.stdout.write(output);
  return { code: result.status ?? 1, output };
}

/** The same, where anything but success ends the script. */
export function mustWrangle(args: string[], show = false): string {
  const { code, output } = wrangler(args, show);
  if (code === 0) return output;
  if (!show) process.stderr.write(output);
  console.error(`wrangler ${args.slice(0, 3).join(" ")} failed`);
  process.exit(code);
}

interface Where {
  local: boolean;
  "persist-to"?: string | undefined;
}

/** Arguments of `wrangler d1` and `wrangler r2`: the deployment, or a local server's files. */
export const whichDeployment = ({ local, "persist-to": folder }: Where): string[] =>
  local ? ["--local", ...(folder ? ["--persist-to", folder] : [])] : ["--remote"];

/** Writes into the database; what is written is on no command line. @param wording what a failure means, in words, from what wrangler said */
export function executeSql(sql: string, where: Where, wording: (output: string) => string | undefined = () => undefined): void {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const file = join(folder, "statements.sql");
  writeFileSync(file, sql, { mode: 0o600 });
  const { code, output } = wrangler(["d1", "execute", "DB", ...whichDeployment(where), "--yes", "--file", file]);
  if (code === 0) return;
  console.error(wording(output) ?? output);
  process.exit(code);
}

/** Starts wrangler and leaves it running. */
export const startWrangler = (args: string[]): ChildProcess =>
  spawn(process.execPath, [wranglerBin, ...args], { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });

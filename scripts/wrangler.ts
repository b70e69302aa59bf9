import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { CONFIG, configurationFile, root } from "./configuration.ts";

export { root };
const wranglerBin = join(root, "node_modules/wrangler/bin/wrangler.js");

// Wrangler and miniflare read these variables, as programs and as libraries of this process. With them, a local server does not call the
// network.
Object.assign(process.env, { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CLOUDFLARE_CF_FETCH_ENABLED: "false" });

/** Tools run with the Node of our own dependencies, whatever Node the machine has. */
export const env = {
  ...process.env,
  PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
};

export interface Ended {
  code: number;
  /** Without colours. */
  output: string;
}

const quiet = { cwd: root, env: { ...env, CI: "true" } };

/** The arguments of a call, with the configuration of `--env NAME` or of a domain, unless they name another one. */
function withConfiguration(args: string[]): string[] {
  if (args.includes("--config")) return args;
  const file = configurationFile();
  return file === CONFIG ? args : [...args, "--config", file];
}

/** Runs wrangler to its end, without prompts. */
export function wrangler(args: string[]): Ended & { stdout: string } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [wranglerBin, ...withConfiguration(args)], {
    ...quiet,
    encoding: "utf8",
  });
  return { code: status ?? 1, stdout, output: stripVTControlCharacters(`${stdout}${stderr}`) };
}

/** Runs wrangler to its end, and shows its output while it runs. @param input what wrangler reads from its standard input */
export function showWrangler(args: string[], input = ""): Promise<Ended> {
  const child = spawn(process.execPath, [wranglerBin, ...withConfiguration(args)], { ...quiet, stdio: ["pipe", "pipe", "pipe"] });
  // Wrangler may end without reading it.
  child.stdin.on("error", () => {}).end(input);
  let output = "";
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const)
    from.on("data", (part: Buffer) => {
      output += part.toString();
      to.write(part);
    });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output: stripVTControlCharacters(output) }));
  });
}

/** Runs wrangler to its end; a failure ends the script. */
export function mustWrangle(args: string[]): string {
  const { code, output } = wrangler(args);
  if (code === 0) return output;
  console.error(errorIn(output));
  console.error(`wrangler ${args.slice(0, 3).join(" ")} failed`);
  process.exit(code);
}

/** Wrangler's error message, without the warnings before it and the path of its log. */
export function errorIn(output: string): string {
  const start = output.indexOf("✘ [ERROR] ");
  return (start < 0 ? output : output.slice(start + "✘ [ERROR] ".length)).replace(/\n*🪵 .*\n?/gu, "\n").trim();
}

/** The deployment, or a local server's files. */
export interface Where {
  local: boolean;
  "persist-to"?: string | undefined;
}

/** Arguments of `wrangler d1` and `wrangler r2` for the deployment, or for a local server's files. */
export const whichDeployment = ({ local, "persist-to": folder }: Where): string[] =>
  local ? ["--local", ...(folder ? ["--persist-to", folder] : [])] : ["--remote"];

/** Writes into the database from a file, so that the statements are on no command line. */
export function executeSql(sql: string, where: Where): Ended {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-"));
  try {
    const file = join(folder, "statements.sql");
    writeFileSync(file, sql, { mode: 0o600 });
    return wrangler(["d1", "execute", "DB", ...whichDeployment(where), "--yes", "--file", file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../../..");

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a script of a checkout to its end. */
export const runScript = (folder: string, name: string, args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const file = join(folder, "scripts", `${name}.ts`);
    const child = execFile(process.execPath, [file, ...args], { env: { ...process.env, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

/** The answer of the stub to a call of wrangler that begins with these words. */
export interface Answer {
  code?: number;
  stdout?: string;
  stderr?: string;
}

/**
 * Runs a script of a checkout with a stub in place of wrangler, which records its calls.
 * @param answers by the first words of the call; several answers are given one after the other, and the last one is repeated. A function
 * gets the folder of the checkout, which it may change
 * @param more what an operator has added to `wrangler.toml`
 * @returns the words of each call, the generated configurations that the calls named, and what was written into a call's standard input
 */
export async function runStubbed(
  name: string,
  args: string[],
  answers: Record<string, Answer[]> | ((folder: string) => Record<string, Answer[]>),
  env: Record<string, string> = {},
  more = "",
): Promise<Ended & { calls: string[]; configs: Record<string, string>; input: string }> {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-scripts-"));
  try {
    for (const part of ["scripts", "src", "migrations", "package.json", "wrangler.toml", "wrangler.saml.toml"])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    appendFileSync(join(folder, "wrangler.toml"), more);
    const wrangler = join(folder, "node_modules/wrangler");
    mkdirSync(join(wrangler, "bin"), { recursive: true });
    writeFileSync(join(wrangler, "package.json"), '{ "type": "module" }');
    cpSync(join(import.meta.dirname, "stubOfWrangler.js"), join(wrangler, "bin/wrangler.js"));
    // The libraries that the scripts import are linked into the copy.
    for (const library of ["drizzle-orm", "smol-toml"])
      symlinkSync(join(root, "node_modules", library), join(folder, "node_modules", library));
    writeFileSync(join(folder, "answers.json"), JSON.stringify(typeof answers === "function" ? answers(folder) : answers));
    const ended = await runScript(folder, name, args, env);
    const textOf = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "");
    const configs = existsSync(join(folder, "configs")) ? readdirSync(join(folder, "configs")) : [];
    return {
      ...ended,
      calls: textOf("calls").trimEnd().split("\n").filter(Boolean),
      configs: Object.fromEntries(configs.map((name) => [name, textOf(join("configs", name))])),
      input: textOf("input"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { execFile } from "node:child_process";
import { join } from "node:path";

const scripts = join(import.meta.dirname, "../../../scripts");

/** Runs one of the operator's scripts to its end. It runs in a process of its own, because this process has other work meanwhile. */
export const runScript = (name: string, args: string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(process.execPath, [join(scripts, `${name}.ts`), ...args], { env: { ...process.env, ...env } }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, output: out + err }),
    );
  });

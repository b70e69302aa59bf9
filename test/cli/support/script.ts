import { execFile } from "node:child_process";
import { join } from "node:path";

const scripts = join(import.meta.dirname, "../../../scripts");

/** A script of the operator's, to its end. Not in this process, which has other work meanwhile. */
export const runScript = (name: string, args: string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(process.execPath, [join(scripts, `${name}.ts`), ...args], { env: { ...process.env, ...env } }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, output: out + err }),
    );
  });

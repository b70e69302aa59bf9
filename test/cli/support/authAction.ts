import { type ChildProcess, execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The built action of pulumi/auth-actions: AUTH_ACTION (a path), then `~/.pulumi/auth-actions/index.js`. */
export function findAuthAction(): string | undefined {
  const path = resolve(process.env["AUTH_ACTION"] ?? join(homedir(), ".pulumi", "auth-actions", "index.js"));
  return existsSync(path) ? path : undefined;
}

export interface ActionResult {
  code: number | null;
  /** The text that the action printed: commands for the runner, and messages. */
  printed: string;
  /** The files into which it writes its outputs, and variables for later steps. */
  outputs: string;
  variables: string;
}

/**
 * Runs the action as a runner of GitHub does: with its inputs in the environment, and with an address that gives it a token of the job for
 * an audience.
 * @param directory for the files of the runner
 * @param token gives a token of the job
 */
export async function runAuthAction(
  action: string,
  inputs: Record<string, string>,
  directory: string,
  token: (audience: string) => Promise<string>,
): Promise<ActionResult> {
  const secret = crypto.randomUUID();
  const give = async (request: IncomingMessage, response: ServerResponse) => {
    const { searchParams } = new URL(request.url ?? "/", "http://runner");
    const isJob = request.headers.authorization === `Bearer ${secret}`;
    response.writeHead(isJob ? 200 : 401, { "Content-Type": "application/json" });
    response.end(isJob ? JSON.stringify({ value: await token(searchParams.get("audience") ?? "") }) : "{}");
  };
  const runner = createServer((request, response) => void give(request, response));
  await new Promise<void>((listening) => runner.listen(0, "127.0.0.1", listening));
  const folder = mkdtempSync(join(directory, "runner-"));
  const [outputs, variables] = [join(folder, "output"), join(folder, "env")];
  for (const file of [outputs, variables]) writeFileSync(file, "");
  try {
    const { code, printed } = await run(action, folder, {
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(runner.address() as AddressInfo).port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret,
      GITHUB_OUTPUT: outputs,
      GITHUB_ENV: variables,
    });
    return { code, printed, outputs: readFileSync(outputs, "utf8"), variables: readFileSync(variables, "utf8") };
  } finally {
    runner.close();
    runner.closeAllConnections();
  }
}

const run = (action: string, cwd: string, env: Record<string, string>) =>
  new Promise<{ code: number | null; printed: string }>((resolve) => {
    const child: ChildProcess = execFile(process.execPath, [action], { cwd, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, printed: stdout + stderr }),
    );
  });

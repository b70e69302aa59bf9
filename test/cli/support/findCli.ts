import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** The Pulumi CLI to drive: PULUMI_CLI, then PATH, then the place where its own installer puts it. */
export function findCli(): string | undefined {
  const asked = process.env["PULUMI_CLI"];
  if (asked) return isProgram(resolve(asked)) ? resolve(asked) : undefined;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter).filter(Boolean), join(homedir(), ".pulumi", "bin")];
  return folders.map((folder) => join(folder, "pulumi")).find(isProgram);
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

import { delimiter, join, resolve } from "node:path";
import { homedir } from "node:os";
import { isProgram } from "./findCli.ts";

export const PROVIDER = "pulumi-resource-pulumiservice";

/** The public provider `pulumiservice`: PULUMI_PROVIDER (a path), then PATH, then `~/.pulumi/provider`. */
export function findProvider(): string | undefined {
  const asked = process.env["PULUMI_PROVIDER"];
  if (asked) return isProgram(resolve(asked)) ? resolve(asked) : undefined;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter).filter(Boolean), join(homedir(), ".pulumi", "provider")];
  return folders.map((folder) => join(folder, PROVIDER)).find(isProgram);
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findCli } from "../../../cli/support/findCli.ts";
import { Server } from "../../../cli/support/server.ts";

/** One server for all files; the real CLI where there is one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), "stackpass-console-"));
  const server = await Server.start({ directory });
  project.provide("cli", findCli() ?? "");
  project.provide("directory", directory);
  project.provide("url", server.url);
  project.provide("people", server.credentials.organizations);
  return async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findCli } from "../../../cli/support/findCli.ts";
import { startDocuments } from "../../../cli/support/documents.ts";
import { Server } from "../../../cli/support/server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The address of the server's DNS resolver, whose answer a test sets. */
    resolver: string;
  }
}

/** One server for all files, and the real CLI if it is installed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), "stackpass-console-"));
  const resolver = `${await startDocuments()}/dns`;
  const server = await Server.start({ directory, vars: { DNS_RESOLVERS: resolver } });
  project.provide("cli", findCli() ?? "");
  project.provide("directory", directory);
  project.provide("url", server.url);
  project.provide("resolver", resolver);
  project.provide("people", server.credentials.organizations);
  return async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

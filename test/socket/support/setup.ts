import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundle } from "../../../scripts/built.ts";
import { Server } from "../../cli/support/server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The address of the built Worker, without a proxy in front of it. */
    wireUrl: string;
    /** A personal token of acme's administrator. */
    wireToken: string;
    /** The folder of the built Worker. */
    wireBundle: string;
  }
}

/** Maximum number of bytes of the bodies of states, so that an endless body is refused soon. */
const LIMIT = 8 * 1024 * 1024;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), "stackpass-socket-"));
  bundle(join(directory, "bundle"));
  const vars = { MAX_IMPORT_BYTES: String(LIMIT), MAX_CHECKPOINT_BYTES: String(LIMIT), ALLOW_PLAIN_HTTP: "true" };
  const server = await Server.start({ directory, bundle: join(directory, "bundle"), vars });
  project.provide("wireUrl", server.url);
  project.provide("wireBundle", join(directory, "bundle"));
  project.provide("wireToken", server.credentials.organizations["acme"]!["admin"]!);
  return async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}

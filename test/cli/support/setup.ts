import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundle } from "../../../scripts/built.ts";
import { type DevCredentials, prepare } from "../../../scripts/prepare.ts";
import { findAuthAction } from "./authAction.ts";
import { findCli } from "./findCli.ts";
import { PROVIDER, findProvider } from "./findProvider.ts";
import { installNodeSdk } from "./nodeSdk.ts";
import { Server } from "./server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The executable that the suite drives. */
    cli: string;
    /** The version of the CLI, `3.259.0`. */
    cliVersion: string;
    /** Folder of this run, which is removed at its end. */
    directory: string;
    /** A `node_modules` with the Pulumi SDK, for Node programs. */
    nodeModules: string;
    /**
     * `bundle` is the folder of the bundled Worker, and `prepared` is the data of a server before its first start: `startBuiltServer` runs
     * the bundle with a copy of the data.
     */
    bundle: string;
    prepared: string;
    /** The server that most tests share, as `npm run dev` starts it. */
    url: string;
    people: DevCredentials["organizations"];
  }
}

/** Runs once for each run: it prepares the folder, the SDK and the server. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cli = findCli()!;
  const directory = mkdtempSync(join(tmpdir(), "stackpass-cli-"));
  const env = { ...process.env, PULUMI_HOME: join(directory, "home"), PULUMI_SKIP_UPDATE_CHECK: "true" };
  const cliVersion = execFileSync(cli, ["version"], { encoding: "utf8", env }).trim().replace(/^v/, "");
  console.log(`Driving ${cli}, version ${cliVersion}`);
  if (!findProvider()) console.log(`provider.test.ts is skipped: no ${PROVIDER} in PULUMI_PROVIDER, PATH or ~/.pulumi/provider`);
  if (!findAuthAction())
    console.log(
      "keyless.test.ts skips its test with pulumi/auth-actions: no built action in AUTH_ACTION or ~/.pulumi/auth-actions/index.js",
    );
  const nodeModules = installNodeSdk();
  const bundled = join(directory, "bundle");
  bundle(bundled);
  const prepared = join(directory, "prepared");
  await prepare(prepared, "");
  const server = await Server.start({ directory: join(directory, "shared-server") });
  project.provide("cli", cli);
  project.provide("cliVersion", cliVersion);
  project.provide("directory", directory);
  project.provide("nodeModules", nodeModules);
  project.provide("bundle", bundled);
  project.provide("prepared", prepared);
  project.provide("url", server.url);
  project.provide("people", server.credentials.organizations);
  return async () => {
    await server.stop();
    if (process.env["KEEP"] === "1") console.log(`Kept ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  };
}

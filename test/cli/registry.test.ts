import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { isAtLeast } from "./support/programs.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";
import { type Upstream, startUpstream } from "./support/upstream.ts";

/** Reads packages of a registry on this machine through our server, as if the server had them. */
let upstream: Upstream;
let server: Server;
beforeAll(async () => {
  upstream = await startUpstream(plugins());
  server = await startBuiltServer("registry-server", { REGISTRY_UPSTREAM: upstream.url });
});
afterAll(async () => {
  await server.stop();
  upstream.stop();
});

/** Archives of providers. Each contains the provider of the other tests under another name. */
function plugins(): string {
  const folder = mkdtempSync(join(inject("directory"), "plugins-"));
  const source = readFileSync(fileURLToPath(new URL("support/world.cjs", import.meta.url)), "utf8");
  for (const [name, version] of [
    ["figs", "2.1.0"],
    ["apples", "1.2.0"],
  ] as const) {
    const own = join(folder, name);
    mkdirSync(own);
    const program = source.replace('name: "world"', `name: "${name}"`).replace('version: "1.0.0"', `version: "${version}"`);
    writeFileSync(join(own, `pulumi-resource-${name}`), program.replaceAll("world:index", `${name}:index`));
    chmodSync(join(own, `pulumi-resource-${name}`), 0o755);
    execFileSync("tar", ["-czf", join(folder, `${name}.tar.gz`), "-C", own, "."]);
  }
  return folder;
}

/** @returns a shell with nothing installed, in a YAML project */
function somebody(program: Record<string, unknown> = {}, url?: string, token?: string): Terminal {
  const project = mkdtempSync(join(inject("directory"), "fruit-"));
  writeFileSync(join(project, "Pulumi.yaml"), JSON.stringify({ name: "fruit", runtime: "yaml", ...program }));
  return new Terminal({
    project,
    token: token ?? server.credentials.organizations["acme"]!["admin"],
    url: url ?? server.url,
    env: { NODE_PATH: inject("nodeModules") },
  });
}

describe.runIf(isAtLeast(259))("packages of the upstream registry", () => {
  it("pulumi package add takes a package by its name, and by its publisher's", async () => {
    const runner = somebody();
    await runner.pulumi("package", "add", "figs");
    await runner.pulumi("package", "add", "orchard/apples@1.2.0");
    const file = readFileSync(join(runner.project, "Pulumi.yaml"), "utf8");
    expect(file).toContain("2.1.0");
    expect(file).toContain("orchard/apples");
    const installed = await runner.json<{ name: string; version: string }[]>("plugin", "ls", "--json");
    expect(installed).toMatchObject([
      { name: "apples", version: "1.2.0" },
      { name: "figs", version: "2.1.0" },
    ]);
  });

  it("pulumi package info shows a package, and says that a missing one is not found", async () => {
    const runner = somebody();
    expect(await runner.pulumi("package", "info", "figs")).toContain("figs");
    expect((await runner.fails("package", "add", "apples")).output).toMatch(/not found|does not match/);
    expect((await runner.fails("package", "add", "orchard/none")).output).toMatch(/not found/);
    expect((await runner.fails("package", "add", "orchard/apples@9.9.9")).output).toMatch(/not found/);
  });

  it("pulumi install fetches what the project names, and pulumi up uses it", async () => {
    const program = {
      packages: { figs: "pulumi/pulumi/figs@2.1.0" },
      resources: { tree: { type: "figs:index:Place", properties: { size: 7 } } },
    };
    const runner = somebody(program);
    await runner.pulumi("install");
    expect(await runner.json("plugin", "ls", "--json")).toMatchObject([{ name: "figs", version: "2.1.0" }]);
    await runner.pulumi("stack", "init", "acme/fruit/dev");
    await runner.pulumi("up", "--yes", "--skip-preview");
    expect(await runner.pulumi("stack", "export")).toContain("figs:index:Place");
    await runner.pulumi("destroy", "--yes", "--skip-preview");
  });
});

it.runIf(isAtLeast(259))("a service without an upstream says so", async () => {
  const { value } = await newOrgToken("no-registry");
  const runner = somebody({ packages: { figs: "pulumi/pulumi/figs@2.1.0" } }, inject("url"), value);
  const sentence = "its operator has set no upstream registry (REGISTRY_UPSTREAM)";
  for (const args of [["install"], ["package", "add", "figs"], ["package", "add", "orchard/apples"]])
    expect((await runner.fails(...args)).output, args.join(" ")).toContain(sentence);
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { yamlProject } from "./support/programs.ts";
import { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

/** The recipes of docs/access.md, as they are pasted. */
const page = readFileSync(join(import.meta.dirname, "../../docs/access.md"), "utf8");
const recipes = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!).join("\n");

let server: Server;
let folder: string;
let admin: Terminal;
beforeAll(async () => {
  server = await Server.start({ directory: join(inject("directory"), "access-server") });
  folder = mkdtempSync(join(inject("directory"), "access-"));
  const token = server.credentials.organizations["acme"]!["admin"]!;
  admin = new Terminal({ project: yamlProject("shop"), token, url: server.url });
  for (const stack of ["dev", "prod"]) {
    await admin.pulumi("stack", "init", `acme/shop/${stack}`);
    await admin.pulumi("config", "set", "--secret", "password", "hunter2");
    await admin.pulumi("up", "--yes", "--skip-preview");
  }
  await admin.pulumi("stack", "tag", "set", "env", "prod");
  execFileSync("bash", ["-euc", recipes], { cwd: folder, env: { ...process.env, ADMIN: token, PULUMI_BACKEND_URL: server.url } });
});
afterAll(() => server?.stop());

/** A terminal with the token that a recipe has written. */
const withToken = (file: string) =>
  new Terminal({ project: admin.project, token: readFileSync(join(folder, file), "utf8").trim(), url: server.url });

it("the pipeline of a team updates the team's stack, and does not see another", async () => {
  const team = withToken("shop.token");
  await team.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/shop/dev");
  expect((await team.fails("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod")).output).toMatch(/no stack named/);
  expect((await team.json("stack", "ls", "--all", "--json")) as unknown as { name: string }[]).toMatchObject([{ name: "dev" }]);
});

it("drift detection previews each stack, and changes none", async () => {
  const drift = withToken("drift.token");
  for (const stack of ["acme/shop/dev", "acme/shop/prod"]) {
    await drift.pulumi("preview", "--stack", stack);
    expect((await drift.fails("up", "--yes", "--skip-preview", "--stack", stack)).output).toContain("stack:write");
  }
});

it("the token for everything but production writes by the tag of the stack", async () => {
  const dev = withToken("dev.token");
  await dev.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/shop/dev");
  expect((await dev.fails("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod")).output).toContain(
    "does not include the right stack:",
  );
  // The tag decides at the moment of the write.
  await admin.pulumi("stack", "tag", "rm", "env", "--stack", "acme/shop/prod");
  await dev.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod");
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { startBuiltServer } from "./support/builtServer.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

/** Runs the recipes of docs/access.md, as a reader pastes them. */
const page = readFileSync(join(import.meta.dirname, "../../docs/access.md"), "utf8");
const recipes = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!).join("\n");

let server: Server;
let folder: string;
let admin: Terminal;
beforeAll(async () => {
  server = await startBuiltServer("access-server");
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
  // The tag decides at the time of the write.
  await admin.pulumi("stack", "tag", "rm", "env", "--stack", "acme/shop/prod");
  await dev.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod");
});

it.runIf(isAtLeast(259))("the commands for custom roles create, change, assign, list and remove one", async () => {
  const cli = admin.with({ project: folder });
  interface Role {
    id: string;
    name: string;
    description: string;
    version: number;
  }
  interface Changed {
    role: Role;
  }
  const allow = (file: string, ...permissions: string[]) =>
    writeFileSync(join(folder, file), JSON.stringify({ __type: "PermissionDescriptorAllow", permissions }));
  allow("reader.json", "stack:read");
  allow("writer.json", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack:write");
  const inAcme = ["--org", "acme", "--output", "json"];
  const { role: created } = await cli.json<Changed>(
    "org",
    "role",
    "new",
    "auditor",
    "reader.json",
    "--description",
    "Reads stacks.",
    ...inAcme,
  );
  expect(created).toMatchObject({ name: "auditor", description: "Reads stacks.", version: 1 });
  const { role: edited } = await cli.json<Changed>(
    "org",
    "role",
    "edit",
    created.id,
    "--name",
    "deployer",
    "--details-file",
    "writer.json",
    ...inAcme,
  );
  expect(edited).toMatchObject({ id: created.id, name: "deployer", description: "Reads stacks.", version: 2 });
  const { roles } = await cli.json<{ roles: Role[] }>("org", "role", "list", ...inAcme);
  expect(roles.find(({ id }) => id === created.id)).toMatchObject({ name: "deployer", version: 2 });

  const { role: other } = await cli.json<Changed>("org", "role", "new", "other", "reader.json", ...inAcme);
  const rolesOfShop = async () =>
    ((await (await ask("GET", "/api/orgs/acme/teams/shop/roles")).json()) as { roles: Role[] }).roles.map(({ id }) => id);
  await cli.pulumi("org", "role", "assign", other.id, "shop", ...inAcme);
  expect(await rolesOfShop()).toEqual([other.id]);
  // The CLI's command leaves a team with one role, so the role replaces the one before.
  await cli.pulumi("org", "role", "assign", created.id, "shop", ...inAcme);
  expect(await rolesOfShop()).toEqual([created.id]);
  await withToken("shop.token").pulumi("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod");

  const refused = await cli.fails("org", "role", "remove", created.id, "--org", "acme", "--yes");
  expect(refused.output).toMatch(/still assigned/);
  await cli.pulumi("org", "role", "remove", created.id, "--force", "--yes", ...inAcme);
  await cli.pulumi("org", "role", "remove", other.id, "--yes", ...inAcme);
  expect(await rolesOfShop()).toEqual([]);
  expect((await withToken("shop.token").fails("up", "--yes", "--skip-preview", "--stack", "acme/shop/prod")).output).toMatch(
    /no stack named|does not include/,
  );
});

const ask = (method: string, path: string) =>
  fetch(`${server.url}${path}`, { method, headers: { Authorization: `token ${server.credentials.organizations["acme"]!["admin"]!}` } });

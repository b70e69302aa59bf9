import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { PROVIDER, findProvider } from "./support/findProvider.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

/**
 * Roles, teams, grants and team tokens by the public provider `pulumiservice`, as people write them in a program. One program has each kind of
 * resource, so that its whole life takes few runs of the CLI.
 */
const VERSION = "1.3.0";
const provider = findProvider();

interface Resource {
  type: string;
  properties: object;
}

const allow = (...permissions: string[]) => ({ __type: "PermissionDescriptorAllow", permissions });

/** What the program changes: without a replacement, and with one. */
interface Words {
  description: string;
  scopes: string[];
  permission: number;
  suffix: string;
  /** The team of the token. */
  team: string;
}
const first: Words = { description: "First.", scopes: ["stack:read"], permission: 101, suffix: "a", team: "team" };
const updated: Words = { ...first, description: "Second.", scopes: ["stack:read", "stack:write"] };
const replaced: Words = { ...updated, permission: 102, suffix: "b", team: "apiTeam" };

const resources = ({ description, scopes, permission, suffix, team }: Words): Record<string, Resource> => ({
  role: {
    type: "pulumiservice:OrganizationRole",
    properties: { organizationName: "acme", name: "Crew", description, permissions: allow(...scopes) },
  },
  apiRole: {
    type: "pulumiservice:api:Role",
    properties: {
      orgName: "acme",
      name: "Crew by API",
      description,
      uxPurpose: "role",
      resourceType: "organization",
      details: allow(...scopes),
    },
  },
  // A person who makes a team is its first member.
  team: {
    type: "pulumiservice:Team",
    properties: { organizationName: "acme", teamType: "pulumi", name: "crew", displayName: "Crew", description, members: ["ada", "mel"] },
  },
  apiTeam: {
    type: "pulumiservice:api/teams:Team",
    properties: { orgName: "acme", name: "crew-by-api", displayName: "Crew", description: "By the API." },
  },
  grant: {
    type: "pulumiservice:TeamStackPermission",
    properties: { organization: "acme", project: "shop", stack: "dev", team: "${team.name}", permission },
  },
  assignment: {
    type: "pulumiservice:TeamRoleAssignment",
    properties: { organizationName: "acme", teamName: "${team.name}", roleId: "${role.roleId}" },
  },
  token: {
    type: "pulumiservice:TeamAccessToken",
    properties: { organizationName: "acme", teamName: "${team.name}", name: `crew-${suffix}`, description: "The pipeline of the crew." },
  },
  apiToken: {
    type: "pulumiservice:api/tokens:TeamToken",
    // Another name alone does not replace it: the provider would update it, and cannot.
    properties: { orgName: "acme", teamName: `\${${team}.name}`, name: `crew-by-api-${suffix}`, description: "By the API.", expires: 0 },
  },
});

// Older CLIs drop members whose names begin with two underscores.
describe.runIf(provider && isAtLeast(235))("the provider pulumiservice", () => {
  let server: Server;
  let shop: Terminal;
  let access: Terminal;
  beforeAll(async () => {
    server = await Server.start({ directory: join(inject("directory"), "provider-server") });
    const token = server.credentials.organizations["acme"]!["admin"]!;
    const home = mkdtempSync(join(inject("directory"), "home-"));
    const plugin = join(home, "plugins", `resource-pulumiservice-v${VERSION}`);
    mkdirSync(plugin, { recursive: true });
    symlinkSync(provider!, join(plugin, PROVIDER));
    const options = { token, url: server.url, env: { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" } };
    shop = new Terminal({ ...options, project: yamlProject("shop") }, home);
    expect((await shop.json<{ version: string }>("package", "get-schema", provider!)).version).toBe(VERSION);
    await shop.pulumi("stack", "init", "acme/shop/dev");
    access = new Terminal({ ...options, project: mkdtempSync(join(inject("directory"), "project-")) }, home);
    write(first);
    await access.pulumi("stack", "init", "acme/access/dev");
  });
  afterAll(() => server?.stop());

  /** JSON is YAML. */
  const write = (words: Words) =>
    writeFileSync(join(access.project, "Pulumi.yaml"), JSON.stringify({ name: "access", runtime: "yaml", resources: resources(words) }));
  const up = () => access.pulumi("up", "--yes", "--skip-preview");
  const unchanged = () => access.pulumi("preview", "--expect-no-changes");
  const get = async <T>(path: string) => {
    const response = await fetch(`${server.url}/api/orgs/acme${path}`, {
      headers: { Authorization: `token ${server.credentials.organizations["acme"]!["admin"]!}` },
    });
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  };
  const rolesOf = async (team: string) => (await get<{ roles: { name: string; details: object }[] }>(`/teams/${team}/roles`)).roles;
  const tokensOf = async (team: string) =>
    (await get<{ tokens: { name: string }[] }>(`/teams/${team}/tokens`)).tokens.map(({ name }) => name);

  it("creates everything, and then finds nothing to change", async () => {
    await up();
    expect(await get("/teams/crew")).toMatchObject({
      description: "First.",
      stacks: [{ projectName: "shop", stackName: "dev", permission: 101 }],
    });
    expect(await rolesOf("crew")).toMatchObject([{ name: "Crew", details: allow("stack:read") }]);
    expect((await tokensOf("crew")).toSorted()).toEqual(["crew-a", "crew-by-api-a"]);
    await unchanged();
    await access.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("updates in place", async () => {
    write(updated);
    await up();
    expect(await get("/teams/crew")).toMatchObject({ description: "Second." });
    expect(await rolesOf("crew")).toMatchObject([{ details: allow("stack:read", "stack:write") }]);
    await unchanged();
  });

  it("replaces a grant and tokens", async () => {
    write(replaced);
    await up();
    expect(await get("/teams/crew")).toMatchObject({ stacks: [{ permission: 102 }] });
    expect(await tokensOf("crew")).toEqual(["crew-b"]);
    expect(await tokensOf("crew-by-api")).toEqual(["crew-by-api-b"]);
    await unchanged();
  });

  it("imports what exists", async () => {
    interface Exported {
      deployment: { resources: { type: string; urn: string; id?: string; custom: boolean }[] };
    }
    const { deployment } = await access.json<Exported>("stack", "export");
    const existing = deployment.resources
      .filter(({ type, custom }) => custom && !type.startsWith("pulumi:"))
      .map(({ type, urn, id }) => ({ type, name: urn.split("::").at(-1)!, id: id! }));
    expect(existing.length).toBe(Object.keys(resources(first)).length);
    await access.pulumi("stack", "init", "acme/access/imported");
    writeFileSync(join(access.project, "import.json"), JSON.stringify({ resources: existing }));
    await access.pulumi("import", "--file", "import.json", "--yes", "--skip-preview", "--generate-code=false", "--protect=false");
    const imported = await access.json<Exported>("stack", "export");
    const ids = (list: Exported) => list.deployment.resources.flatMap(({ id, type }) => (type.startsWith("pulumi:") ? [] : [id]));
    expect(ids(imported).toSorted()).toEqual(existing.map(({ id }) => id).toSorted());
    await unchanged();
  });

  it("destroys everything", async () => {
    await access.pulumi("stack", "select", "acme/access/dev");
    await access.pulumi("destroy", "--yes", "--skip-preview");
    expect((await get<{ teams: { name: string }[] }>("/teams")).teams).toEqual([]);
    expect((await get<{ roles: { name: string }[] }>("/roles?uxPurpose=role")).roles.map(({ name }) => name)).not.toContain("Crew");
  });
});

import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startBuiltServer } from "./support/builtServer.ts";
import { startDocuments } from "./support/documents.ts";
import { PROVIDER, findProvider } from "./support/findProvider.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import type { Server } from "./support/server.ts";
import { type Store, startStore } from "./support/store.ts";
import { Terminal } from "./support/terminal.ts";

/**
 * Manages roles, teams, grants, team tokens, identity providers, webhooks and the export of the audit log with the public provider
 * `pulumiservice`, as people write them in a program. One program has each kind of resource, so that few runs of the CLI create, change and
 * delete them all.
 */
const VERSION = "1.3.0";
const provider = findProvider();

interface Resource {
  type: string;
  properties: object;
  options?: object;
}

const allow = (...permissions: string[]) => ({ __type: "PermissionDescriptorAllow", permissions });

/** The values that the program changes, some without a replacement of the resource, and some with one. */
interface Words {
  description: string;
  scopes: string[];
  permission: number;
  suffix: string;
  /** The team of the token. */
  team: string;
  /** The policy of the identity provider. */
  policies: Record<string, unknown>[];
  /** Of the identity provider. Without any, the provider finds a change at a refresh and an import, because the answer always has a list. */
  thumbprints?: string[];
}

const policy = (decision: string, sub: string, more: object) => ({ decision, rules: { sub, aud: "urn:pulumi:org:acme" }, ...more });
const ofOrganization = policy("allow", "repo:acme/shop:*", { tokenType: "organization", authorizedPermissions: ["standard"] });
const ofTeam = policy("allow", "repo:acme/web:*", { tokenType: "team", teamName: "crew" });
const ofPerson = policy("allow", "repo:acme/admin:*", { tokenType: "personal", userLogin: "mel" });
const denied = policy("deny", "repo:acme/shop:pull_request", { tokenType: "organization", authorizedPermissions: ["admin", "standard"] });

const first: Words = {
  description: "First.",
  scopes: ["stack:read"],
  permission: 101,
  suffix: "a",
  team: "team",
  policies: [ofOrganization, ofTeam],
};
const updated: Words = {
  ...first,
  description: "Second.",
  scopes: ["stack:read", "stack:write"],
  policies: [ofTeam, denied, ofPerson, ofOrganization],
  thumbprints: ["a".repeat(64)],
};
const replaced: Words = { ...updated, permission: 102, suffix: "b", team: "apiTeam", policies: [ofPerson, ofTeam] };

/** The key of the identity provider that publishes none. */
const jwk = {
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" }),
  kid: "first",
  use: "sig",
  alg: "RS256",
};

const resources = (
  { description, scopes, permission, suffix, team, policies, thumbprints }: Words,
  idp: string,
): Record<string, Resource> => ({
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
    // A team has at most one grant on a stack. Without this option the provider would delete the new grant together with the old one.
    options: { deleteBeforeReplace: true },
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
    // A change of only the name would not replace the resource: the provider would try to update it, and cannot.
    properties: { orgName: "acme", teamName: `\${${team}.name}`, name: `crew-by-api-${suffix}`, description: "By the API.", expires: 0 },
  },
  issuer: {
    type: "pulumiservice:OidcIssuer",
    properties: {
      organization: "acme",
      name: `ci-${description}`,
      url: `${idp}/${suffix}`,
      maxExpirationSeconds: 3600,
      policies,
      thumbprints,
    },
  },
  webhook: {
    type: "pulumiservice:Webhook",
    properties: {
      organizationName: "acme",
      displayName: description,
      payloadUrl: `${idp}/webhook?key=${suffix}`,
      secret: `secret-of-${description}`,
      active: description === "First.",
    },
  },
  stackWebhook: {
    type: "pulumiservice:Webhook",
    properties: {
      organizationName: "acme",
      projectName: "shop",
      stackName: "dev",
      displayName: "Of the stack",
      // An address without a path is returned as it was sent, or else each refresh would find a difference.
      payloadUrl: "https://Hooks.example.com",
      active: true,
      format: "slack",
      filters: description === "First." ? ["update_failed"] : ["update_failed", "destroy_failed"],
    },
  },
  apiWebhook: {
    type: "pulumiservice:api:OrganizationWebhook",
    properties: {
      organizationName: "acme",
      name: "by-api",
      displayName: description,
      payloadUrl: "https://hooks.example.com:443?source=api",
      active: true,
      groups: ["stacks"],
    },
  },
  apiStackWebhook: {
    type: "pulumiservice:api/stacks:Webhook",
    properties: {
      organizationName: "acme",
      projectName: "shop",
      stackName: "dev",
      name: "by-api",
      displayName: "Of the stack, by the API",
      payloadUrl: "https://hooks.example.com",
      active: true,
      filters: description === "First." ? ["update_failed"] : ["destroy_failed"],
    },
  },
  export: {
    type: "pulumiservice:api:AuditLogExportConfiguration",
    properties: {
      orgName: "acme",
      newEnabled: scopes.length === 1 || suffix === "b",
      newS3Configuration: {
        s3BucketName: "acme-audit",
        s3PathPrefix: `logs/${suffix}`,
        iamRoleArn: `arn:aws:iam::111122223333:role/audit-${scopes.length}`,
      },
    },
  },
  apiIssuer: {
    type: "pulumiservice:api/auth:OidcIssuer",
    properties: {
      orgName: "acme",
      name: `cluster-${description}`,
      url: "https://cluster.example.com",
      maxExpiration: 7200,
      jwks: { keys: [jwk] },
    },
  },
});

// Older CLIs drop members whose names begin with two underscores.
describe.runIf(provider && isAtLeast(235))("the provider pulumiservice", () => {
  let server: Server;
  let shop: Terminal;
  let access: Terminal;
  let idp: string;
  let store: Store;
  beforeAll(async () => {
    store = await startStore();
    server = await startBuiltServer("provider-server", { AUDIT_EXPORT_STORE: store.url });
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
    idp = await startDocuments();
    for (const url of [`${idp}/a`, `${idp}/b`]) {
      const publish = (path: string, document: object) =>
        fetch(url + path, { method: "PUT", body: JSON.stringify({ body: JSON.stringify(document) }) });
      await publish("/.well-known/openid-configuration", { issuer: url, jwks_uri: `${url}/keys` });
      await publish("/keys", { keys: [jwk] });
    }
    write(first);
    await access.pulumi("stack", "init", "acme/access/dev");
  });
  afterAll(() => server?.stop());

  /** The file contains JSON, which is valid YAML. */
  const write = (words: Words) =>
    writeFileSync(
      join(access.project, "Pulumi.yaml"),
      JSON.stringify({ name: "access", runtime: "yaml", resources: resources(words, idp) }),
    );
  const up = () => access.pulumi("up", "--yes", "--skip-preview");
  const unchanged = () => access.pulumi("preview", "--expect-no-changes");
  const refreshed = (...flags: string[]) => access.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", ...flags);
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
  interface Issuer {
    id: string;
    name: string;
    url: string;
    maxExpiration: number;
  }
  interface Hook {
    name: string;
  }
  /** Hooks of the provider's older resources come first, because their names are random. */
  const sorted = (hooks: Hook[]) => hooks.toSorted((a, b) => Number(a.name === "by-api") - Number(b.name === "by-api"));
  const hooksOfOrg = async () => sorted(await get<Hook[]>("/hooks"));
  const hooksOfStack = async () => {
    const response = await fetch(`${server.url}/api/stacks/acme/shop/dev/hooks`, {
      headers: { Authorization: `token ${server.credentials.organizations["acme"]!["admin"]!}` },
    });
    return sorted((await response.json()) as Hook[]);
  };
  const EXPORT = "/auditlogs/export/config";
  /** Waits until the store has the whole log under a prefix. */
  const isExported = async (prefix: string) => {
    const { streams } = await get<{ streams: { name: string; lag: { records: number } }[] }>("/audit-streams");
    const { lag } = streams.find(({ name }) => name === "export-config")!;
    return lag.records === 0 && [...store.objects.keys()].some((path) => path.startsWith(`/acme-audit/${prefix}/acme/2`));
  };
  const issuers = async () => (await get<{ oidcIssuers: Issuer[] }>("/oidc/issuers")).oidcIssuers;
  /** The policies of the identity provider that has this address. */
  const policiesAt = async (url: string) => {
    const issuer = (await issuers()).find((one) => one.url === url)!;
    return (await get<{ policies: object[] }>(`/auth/policies/oidcissuers/${issuer.id}`)).policies;
  };

  it("creates everything, and then finds nothing to change", async () => {
    await up();
    expect(await get("/teams/crew")).toMatchObject({
      description: "First.",
      stacks: [{ projectName: "shop", stackName: "dev", permission: 101 }],
    });
    expect(await rolesOf("crew")).toMatchObject([{ name: "Crew", details: allow("stack:read") }]);
    expect((await tokensOf("crew")).toSorted()).toEqual(["crew-a", "crew-by-api-a"]);
    expect((await issuers()).toSorted((a, b) => a.name.localeCompare(b.name))).toMatchObject([
      { name: "ci-First.", url: `${idp}/a`, maxExpiration: 3600 },
      { name: "cluster-First.", url: "https://cluster.example.com", maxExpiration: 7200, jwks: { keys: [jwk] } },
    ]);
    expect(await policiesAt(`${idp}/a`)).toMatchObject(first.policies);
    expect(await hooksOfOrg()).toMatchObject([
      {
        displayName: "First.",
        payloadUrl: `${idp}/webhook?key=a`,
        active: true,
        format: "raw",
        groups: ["deployments", "environments", "stacks"],
        hasSecret: true,
      },
      { displayName: "First.", payloadUrl: "https://hooks.example.com:443?source=api", groups: ["stacks"], filters: [] },
    ]);
    expect(await hooksOfStack()).toMatchObject([
      { format: "slack", payloadUrl: "https://Hooks.example.com", filters: ["update_failed"], hasSecret: false },
      { format: "raw", payloadUrl: "https://hooks.example.com", filters: ["update_failed"] },
    ]);
    expect(await get(EXPORT)).toMatchObject({
      enabled: true,
      s3Config: { s3BucketName: "acme-audit", s3PathPrefix: "logs/a", iamRoleArn: "arn:aws:iam::111122223333:role/audit-1" },
    });
    await expect.poll(() => isExported("logs/a")).toBe(true);
    const folder = mkdtempSync(join(inject("directory"), "bucket-"));
    store.copy("/acme-audit/logs/a/acme/", folder);
    const verified = spawnSync(process.execPath, [join(import.meta.dirname, "../../scripts/audit-verify.ts"), folder], {
      encoding: "utf8",
    });
    expect(verified.stdout + verified.stderr).toContain("good: records 1 to ");
    expect(store.asked[0]!.get("RoleArn")).toBe("arn:aws:iam::111122223333:role/audit-1");
    await unchanged();
    await refreshed("--exclude", "urn:pulumi:dev::access::pulumiservice:index:OidcIssuer::issuer");
  });

  it("updates in place", async () => {
    write(updated);
    await up();
    expect(await get("/teams/crew")).toMatchObject({ description: "Second." });
    expect(await rolesOf("crew")).toMatchObject([{ details: allow("stack:read", "stack:write") }]);
    expect(await policiesAt(`${idp}/a`)).toMatchObject(updated.policies);
    expect((await issuers()).map(({ name }) => name).toSorted()).toEqual(["ci-Second.", "cluster-Second."]);
    expect(await hooksOfOrg()).toMatchObject([{ displayName: "Second.", active: false }, { displayName: "Second." }]);
    expect(await hooksOfStack()).toMatchObject([{ filters: ["update_failed", "destroy_failed"] }, { filters: ["destroy_failed"] }]);
    expect(await get(EXPORT)).toMatchObject({ enabled: false, s3Config: { iamRoleArn: "arn:aws:iam::111122223333:role/audit-2" } });
    await unchanged();
    await refreshed();
  });

  it("replaces a grant, tokens and an identity provider", async () => {
    write(replaced);
    await up();
    expect(await get("/teams/crew")).toMatchObject({ stacks: [{ permission: 102 }] });
    expect(await tokensOf("crew")).toEqual(["crew-b"]);
    expect(await tokensOf("crew-by-api")).toEqual(["crew-by-api-b"]);
    expect((await issuers()).map(({ url }) => url).toSorted()).toEqual([`${idp}/b`, "https://cluster.example.com"]);
    expect(await policiesAt(`${idp}/b`)).toMatchObject(replaced.policies);
    expect(await get(EXPORT)).toMatchObject({ enabled: true, s3Config: { s3PathPrefix: "logs/b" } });
    await expect.poll(() => isExported("logs/b")).toBe(true);
    await unchanged();
  });

  it("imports what exists", async () => {
    interface Exported {
      deployment: { resources: { type: string; urn: string; id?: string; custom: boolean; outputs?: Record<string, unknown> }[] };
    }
    const ours = async () =>
      (await access.json<Exported>("stack", "export")).deployment.resources.filter(
        ({ custom, type }) => custom && !type.startsWith("pulumi:"),
      );
    const nameOf = ({ urn }: { urn: string }) => urn.split("::").at(-1)!;
    const existing = await ours();
    expect(existing.map(nameOf).toSorted()).toEqual(Object.keys(resources(first, idp)).toSorted());
    await access.pulumi("stack", "init", "acme/access/imported");
    const list = existing.map((resource) => ({ type: resource.type, name: nameOf(resource), id: resource.id! }));
    writeFileSync(join(access.project, "import.json"), JSON.stringify({ resources: list }));
    await access.pulumi("import", "--file", "import.json", "--yes", "--skip-preview", "--generate-code=false", "--protect=false");
    const imported = await ours();
    expect(new Set(imported.map(({ id }) => id))).toEqual(new Set(existing.map(({ id }) => id)));
    // The provider keeps no inputs of resources that it imports as `api:…`, but it reads the outputs from the service.
    const isGenerated = ({ type }: { type: string }) => type.startsWith("pulumiservice:api");
    const outputs = Object.fromEntries(imported.filter(isGenerated).map((resource) => [nameOf(resource), resource.outputs]));
    expect(outputs).toMatchObject({
      apiRole: { name: "Crew by API", details: allow(...replaced.scopes) },
      apiTeam: { displayName: "Crew" },
      apiIssuer: { name: "cluster-Second.", maxExpiration: 7200, jwks: { keys: [jwk] } },
      apiWebhook: { displayName: "Second.", payloadUrl: "https://hooks.example.com:443?source=api" },
      apiStackWebhook: { filters: ["destroy_failed"] },
      export: { enabled: true, s3Config: { s3BucketName: "acme-audit", s3PathPrefix: "logs/b" } },
    });
    expect(imported.find((resource) => nameOf(resource) === "issuer")?.outputs).toMatchObject({ policies: replaced.policies });
    // No answer contains the secret of a webhook, so the provider sets it again after an import.
    const isCompared = (resource: (typeof imported)[number]) => !isGenerated(resource) && nameOf(resource) !== "webhook";
    const targets = imported.filter(isCompared).flatMap(({ urn }) => ["--target", urn]);
    expect(targets).toHaveLength(2 * 7);
    await access.pulumi("preview", "--expect-no-changes", ...targets);
  });

  it("destroys everything", async () => {
    await access.pulumi("stack", "select", "acme/access/dev");
    await access.pulumi("destroy", "--yes", "--skip-preview");
    expect((await get<{ teams: { name: string }[] }>("/teams")).teams).toEqual([]);
    expect((await get<{ roles: { name: string }[] }>("/roles?uxPurpose=role")).roles.map(({ name }) => name)).not.toContain("Crew");
    expect(await issuers()).toEqual([]);
    expect(await hooksOfOrg()).toEqual([]);
    expect(await hooksOfStack()).toEqual([]);
    const answer = await fetch(`${server.url}/api/orgs/acme${EXPORT}`, {
      headers: { Authorization: `token ${server.credentials.organizations["acme"]!["admin"]!}` },
    });
    expect(answer.status).toBe(404);
  });
});

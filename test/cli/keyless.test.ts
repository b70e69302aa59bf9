import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type AuditEvent, ask, request } from "./support/api.ts";
import { findAuthAction, runAuthAction } from "./support/authAction.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import { IdentityProvider } from "./support/provider.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const AUDIENCE = "urn:pulumi:org:acme";
const ACCESS_TOKEN = "urn:pulumi:token-type:access_token:";
const rules = { repository: "acme/shop", ref: "refs/heads/main" };
const allow = (more: object) => ({ decision: "allow", authorizedPermissions: [], rules, ...more });

const authAction = findAuthAction();

/** The command has these flags since 3.165. */
describe.skipIf(!isAtLeast(207))("a pipeline without a stored secret", () => {
  let server: Server;
  let idp: IdentityProvider;
  let issuerId: string;
  let admin: { token: string; url: string };
  beforeAll(async () => {
    idp = await IdentityProvider.start();
    server = await startBuiltServer("keyless-server");
    admin = { token: server.credentials.organizations["acme"]!["admin"]!, url: server.url };
    await ask("POST", "/api/orgs/acme/teams/pulumi", { ...admin, json: { name: "ops", displayName: "Ops", description: "" } });
    issuerId = (await ask<{ id: string }>("POST", "/api/orgs/acme/oidc/issuers", { ...admin, json: { name: "ci", url: idp.url } })).id;
    const { id } = await ask<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${issuerId}`, admin);
    const policies = [
      allow({ tokenType: "organization" }),
      allow({ tokenType: "team", teamName: "ops" }),
      allow({ tokenType: "personal", userLogin: "mel" }),
    ];
    await ask("PATCH", `/api/orgs/acme/auth/policies/${id}`, { ...admin, json: { policies } });
  });
  afterAll(async () => {
    await server?.stop();
    idp?.stop();
  });

  /** A job on a fresh machine: it has a project, and the token of its identity provider. */
  async function newJob(name: string, flags: string[] = [], project = yamlProject(name)): Promise<Terminal> {
    const job = new Terminal({ project, url: server.url });
    const output = await job.pulumi("login", server.url, "--oidc-token", await idp.token(AUDIENCE), "--oidc-org", "acme", ...flags);
    expect(output).toContain("Logged in to");
    return job;
  }

  const events = async (event: string) =>
    (await ask<{ auditLogEvents: AuditEvent[] }>("GET", `/api/orgs/acme/auditlogs/v2?eventFilter=${event}`, admin)).auditLogEvents;

  it("signs in and runs an up, and its name is in the log", async () => {
    const job = await newJob("shop");
    expect(await job.pulumi("whoami", "-v")).toMatch(/^Token type: organization: acme$/m);
    await job.pulumi("stack", "init", "acme/shop/dev");
    await job.pulumi("config", "set", "--secret", "password", "hunter2");
    await job.pulumi("up", "--yes", "--skip-preview");
    await expect.poll(() => events("stack-update-completed")).toMatchObject([{ tokenName: "ci:acme/shop@main" }]);
    await job.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("does so with a token in a file, or for the organization that the token itself names", async () => {
    const job = new Terminal({ project: yamlProject("of-file"), url: server.url });
    const file = join(job.project, "token.jwt");
    writeFileSync(file, await idp.token(AUDIENCE));
    await job.pulumi("login", server.url, "--oidc-token", `file://${file}`, "--oidc-org", "acme");
    await job.pulumi("login", server.url, "--oidc-token", await idp.token(AUDIENCE));
    await job.pulumi("stack", "init", "acme/of-file/dev");
  });

  it("does so for a team, and for a person", async () => {
    const team = await newJob("of-team", ["--oidc-team", "ops"]);
    expect(await team.pulumi("whoami", "-v")).toMatch(/^Token type: team: ops$/m);
    await team.pulumi("stack", "init", "acme/of-team/dev");
    const person = await newJob("of-person", ["--oidc-user", "mel"]);
    expect(await person.pulumi("whoami", "-v")).toMatch(/^User: mel$/m);
    await person.pulumi("stack", "init", "acme/of-person/dev");
  });

  it("is told why it may not: another branch, another audience, another team", async () => {
    const job = new Terminal({ project: yamlProject("refused"), url: server.url });
    const login = async (audience: string, ...flags: string[]) =>
      (await job.fails("login", server.url, "--oidc-token", await idp.token(audience), "--oidc-org", "acme", ...flags)).output;
    expect(await login("https://other.example.com")).toContain("not meant for this service");
    expect(await login(AUDIENCE, "--oidc-team", "web")).toContain("No policy of the issuer allows this token");
    expect(await login(AUDIENCE, "--oidc-user", "ada")).toContain("No policy of the issuer allows this token");
  });

  it.runIf(authAction)("signs in by the action pulumi/auth-actions, for an organization and for a team", async () => {
    const act = (inputs: Record<string, string>) => {
      const all = { organization: "acme", "cloud-url": server.url, "export-environment-variables": "true", ...inputs };
      return runAuthAction(authAction!, all, inject("directory"), (audience) => idp.token(audience));
    };
    const kinds: [Record<string, string>, string][] = [
      [{ "requested-token-type": `${ACCESS_TOKEN}organization` }, "organization: acme"],
      [{ "requested-token-type": `${ACCESS_TOKEN}team`, scope: "team:ops", "token-expiration": "600" }, "team: ops"],
    ];
    for (const [inputs, kind] of kinds) {
      const { code, printed, outputs, variables } = await act(inputs);
      expect({ code, printed }).toEqual({ code: 0, printed: expect.stringContaining("exchange performed successfully") as string });
      const [token] = /pul-[0-9a-f]{40}/.exec(outputs)!;
      expect(variables).toContain(token);
      const job = new Terminal({ project: yamlProject("of-action"), url: server.url, token });
      expect(await job.pulumi("whoami", "-v")).toMatch(new RegExp(`^Token type: ${kind}$`, "m"));
    }
    const refused = await act({ "requested-token-type": `${ACCESS_TOKEN}team`, scope: "team:web" });
    expect(refused).toMatchObject({ code: 1, outputs: "", variables: "" });
    expect(refused.printed).toContain("400: Bad Request (invalid_grant: No policy of the issuer allows this token.)");
  });

  it("notices nothing of a rotation of its provider's keys, and is refused at the next write when the provider is deleted", async () => {
    const job = await newJob("rotated");
    await job.pulumi("stack", "init", "acme/rotated/dev");
    idp.rotateKeys();
    await job.pulumi("config", "set", "--secret", "password", "hunter2");
    const next = await newJob("rotated", [], job.project);
    await next.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/rotated/dev");
    await job.pulumi("up", "--yes", "--skip-preview");
    expect((await request("DELETE", `/api/orgs/acme/oidc/issuers/${issuerId}`, admin)).status).toBe(204);
    for (const one of [job, next])
      expect((await one.fails("up", "--yes", "--skip-preview", "--stack", "acme/rotated/dev")).output).toContain("of acme was deleted on");
    const again = await job.fails("login", server.url, "--oidc-token", await idp.token(AUDIENCE), "--oidc-org", "acme");
    expect(again.output).toContain("does not accept tokens of this issuer");
  });
});

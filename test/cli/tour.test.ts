import { describe, expect, inject, it } from "vitest";
import { type OrgToken, auditOf, deleteOrgToken, newOrgToken, request } from "./support/api.ts";
import { type Program, hasStash, nodeProject, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** A component with two children, one of which has a secret. */
const services: Program = {
  things: [
    { name: "services", group: true, secret: "password" },
    { name: "api", parent: "services", secret: "password" },
    { name: "web", parent: "services", dependsOn: ["api"] },
  ],
  outputs: { greeting: { value: "hello" }, password: { config: "password" } },
};

interface Mode {
  language: string;
  mode: string;
  env: Record<string, string>;
}

const journal: Omit<Mode, "language"> = { mode: "the default way of writing state", env: {} };
const checkpoints: Omit<Mode, "language"> = { mode: "PULUMI_DISABLE_JOURNALING=true", env: { PULUMI_DISABLE_JOURNALING: "true" } };
/** The short form runs each language once, and each form of writing a state once. */
const ways: Mode[] = [
  { language: "YAML", ...journal },
  { language: "Node", ...checkpoints },
  ...(inject("long")
    ? [
        { language: "YAML", ...checkpoints },
        { language: "Node", ...journal },
      ]
    : []),
];

describe.each(ways)("the tour of a machine with an organization token: $language, $mode", ({ language, env }) => {
  const name = `tour-${language.toLowerCase()}-${"PULUMI_DISABLE_JOURNALING" in env ? "checkpoints" : "default"}`;
  const secret = newSecret();
  const resources = language === "Node" ? 4 : hasStash() ? 3 : 1;
  let token: OrgToken;
  let runner: Terminal;

  it("pulumi whoami -v names the organization, the kind and the name of the token", async () => {
    token = await newOrgToken(name);
    const project = language === "YAML" ? yamlProject(name) : nodeProject(name, services);
    runner = new Terminal({ project, token: token.value, env });
    const whoami = await runner.pulumi("whoami", "-v");
    expect(whoami).toMatch(/^User: acme$/m);
    expect(whoami).toMatch(/^Organizations: acme$/m);
    expect(whoami).toMatch(/^Token type: organization: acme$/m);
    expect(whoami).toContain(`Token name: ${token.name}`);
  });

  it("pulumi stack init makes the stack in the token's organization", async () => {
    await runner.pulumi("stack", "init", "dev");
    expect(await runner.json("stack", "ls", "--json")).toEqual([expect.objectContaining({ name: "dev", current: true })]);
  });

  it("pulumi config set --secret encrypts on the server and reads back", async () => {
    await runner.pulumi("config", "set", "--secret", "password", secret);
    expect(await runner.pulumi("config")).not.toContain(secret);
    expect(await runner.pulumi("config", "get", "password")).toContain(secret);
  });

  it("pulumi up makes the resources", async () => {
    expect(await runner.pulumi("up", "--yes")).toMatch(new RegExp(`\\+ ${resources} created`));
  });

  it("pulumi stack output --show-secrets shows what is masked without it", async () => {
    expect(await runner.json("stack", "output", "--json")).toMatchObject({ greeting: "hello", password: "[secret]" });
    expect(await runner.json("stack", "output", "--json", "--show-secrets")).toMatchObject({ greeting: "hello", password: secret });
  });

  it("a second pulumi up changes nothing", async () => {
    expect(await runner.pulumi("up", "--yes", "--expect-no-changes")).toMatch(new RegExp(`${resources} unchanged`));
  });

  it("pulumi stack history lists both updates, newest first, with what they changed", async () => {
    type Entry = { version: number; kind: string; result: string; resourceChanges: object };
    const history = await runner.json<Entry[]>("stack", "history", "--json");
    expect(history).toMatchObject([
      { version: 2, kind: "update", result: "succeeded", resourceChanges: { same: resources } },
      { version: 1, kind: "update", result: "succeeded", resourceChanges: { create: resources } },
    ]);
  });

  it("pulumi stack export holds every resource, and secrets only encrypted", async () => {
    const text = await runner.pulumi("stack", "export");
    const { deployment } = JSON.parse(text) as { deployment: { resources: { urn: string }[]; secrets_providers: { type: string } } };
    // The provider is a resource too; it is not counted among the changes.
    expect(deployment.resources).toHaveLength(resources > 1 ? resources + 1 : resources);
    expect(deployment.secrets_providers.type).toBe("service");
    expect(text).toContain("ciphertext");
    expect(text).not.toContain(secret);
    expect(await runner.pulumi("stack", "export", "--show-secrets")).toContain(secret);
  });

  it("pulumi stack export --version gives an older version", async () => {
    const { deployment } = await runner.json<{ deployment: { resources: object[] } }>("stack", "export", "--version", "1");
    expect(deployment.resources.length).toBeGreaterThanOrEqual(resources);
  });

  it("pulumi destroy removes them, pulumi stack rm the stack", async () => {
    // A stack with only its root resource may be deleted.
    if (resources > 1) expect((await runner.fails("stack", "rm", "--yes")).output).toContain("still has resources");
    expect(await runner.pulumi("destroy", "--yes")).toMatch(new RegExp(`- ${resources} deleted`));
    await runner.pulumi("stack", "rm", "--yes");
    expect((await runner.fails("stack", "select", `acme/${name}/dev`)).output).toContain("no stack named 'dev' found");
  });

  it("the audit log names each of these steps with the token's id and name", async () => {
    const expected = [
      "stack-created",
      "stack-update-started",
      "stack-update-completed",
      "secrets-batch-decrypted",
      "stack-exported",
      "stack-deleted",
    ];
    const events = await auditOf(token, ...expected);
    for (const event of events) {
      expect(event).toMatchObject({ tokenID: token.id, tokenName: token.name, user: { githubLogin: "acme" } });
    }
    // up, up and destroy, each with its preview
    expect(events.filter((event) => event.event === "stack-update-started")).toHaveLength(6);
    expect(events.filter((event) => event.event === "stack-update-completed")).toHaveLength(6);
    expect(JSON.stringify(events)).toContain(`${name}/dev`);
  });

  it("after the token is deleted the next write is refused, and the CLI prints why", async () => {
    expect(await deleteOrgToken(token)).toBe(204);
    const write = await request("POST", `/api/stacks/acme/${name}`, { token: token.value, json: { stackName: "again" } });
    expect(write.status).toBe(401);
    const { code, output } = await runner.fails("stack", "init", "again");
    expect(output).toMatch(new RegExp(`warning: organization token ${name} of acme was deleted on \\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2} UTC`));
    expect(code).not.toBe(0);
    const events = await auditOf(token, "auth-failure-access-token");
    expect(events.at(-1)).toMatchObject({ event: "auth-failure-access-token", tokenName: name });
  });
});
